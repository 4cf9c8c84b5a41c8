using System.Text;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// TXT records, one a line: read as <c>_mta-sts</c> and <c>_smtp._tls</c> records (RFC 8461 §3.1, RFC 8460 §3), and chosen from as senders do.
/// What is read is written so that it reads back the same; every record is a candidate or dropped; a lone record that reads is the one chosen;
/// and the rules evaluate any set.
/// </summary>
internal sealed class TxtRecordTarget : IFuzzTarget
{
    private const int MaxRecords = 64;

    public string Name => "txt";

    public void Run(byte[] input)
    {
        var records = Encoding.UTF8.GetString(input).Split('\n').Take(MaxRecords).ToList();
        Check(records, StsRecord.Parse, StsRecord.Select);
        Check(records, TlsRptRecord.Parse, TlsRptRecord.Select);
        ObservedDomain.AssertEvaluated(ObservedDomain.Good with
        {
            StsRecords = ObservedDomain.Found("_mta-sts.example.com", records),
            TlsRptRecords = ObservedDomain.Found("_smtp._tls.example.com", records),
            Dmarc = ObservedDomain.Found("_dmarc.example.com", records),
        });
    }

    private static void Check<TRecord>(List<string> records, Func<string, TRecord> parse, Func<IReadOnlyList<string>, TxtSelection<TRecord>> select)
        where TRecord : class
    {
        foreach (var text in records)
        {
            if (Read(text, parse) is { } record)
            {
                Invariant.Holds(record.Equals(parse(record.ToString()!)), $"{typeof(TRecord).Name} reads back as another");
                Invariant.Holds(select([text]) is { Outcome: TxtRecordStatus.One } alone && record.Equals(alone.Record), $"a lone {typeof(TRecord).Name} that reads is not chosen");
            }
        }

        var selection = select(records);
        Invariant.Holds(
            selection.Candidates.Concat(selection.Dropped).Order(StringComparer.Ordinal).SequenceEqual(records.Order(StringComparer.Ordinal)),
            "a record is neither a candidate nor dropped");
        Invariant.Holds(selection.Outcome == TxtRecordStatus.One == selection.Record is not null, "the outcome and the record contradict each other");
        Invariant.Holds(selection.Outcome == TxtRecordStatus.Malformed == selection.Fault is not null, "the outcome and the fault contradict each other");
    }

    private static TRecord? Read<TRecord>(string text, Func<string, TRecord> parse)
        where TRecord : class
    {
        try
        {
            return parse(text);
        }
        catch (ProtocolException fault)
        {
            Invariant.Readable(fault);
            Invariant.Holds(fault.Offset is { } offset && offset >= 0 && offset <= text.Length, $"the fault has no place in the record: {fault.Message}");
            return null;
        }
    }
}
