using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// The JSON of a TLS report (RFC 8460 §4.4), read by <see cref="TlsReportReader"/>. Counts and lists keep within the limits; white space before
/// the report, so that the reader's buffer ends in the middle of it, changes nothing; what is refused is refused by a
/// <see cref="ProtocolException"/> with a position within the text.
/// </summary>
internal sealed class TlsReportTarget : IFuzzTarget
{
    // What the reader takes in at a time.
    private const int BufferSize = 16 * 1024;
    private const long MaxCount = (1L << 53) - 1;
    private const int MaxNote = 700;

    // Small, so that inputs of this size meet them.
    private static readonly TlsReportLimits Limits = new()
    {
        MaxBytes = 1 << 20,
        MaxPolicies = 16,
        MaxFailureKinds = 8,
        MaxHeldBytes = 256 * 1024,
        MaxListItems = 32,
        MaxStringLength = 2 * 1024,
        MaxDepth = 16,
    };

    public string Name => "tls-report";

    public IReadOnlyList<string> SharedSeeds => ["Support/Reports/Corpus/*.json"];

    public void Run(byte[] input)
    {
        var (report, fault) = Read(input);
        if (report is not null)
        {
            AssertWithinLimits(report);
        }

        Invariant.Holds(fault is null || fault.Offset is { } offset && offset >= 0 && offset <= input.Length, $"the fault has no place in the text: {fault?.Message}");

        // A byte order mark counts at the very beginning alone.
        if (!input.AsSpan().StartsWith("\uFEFF"u8))
        {
            var padding = BufferSize - (input.Length / 2 % BufferSize);
            var (padded, paddedFault) = Read([.. Enumerable.Repeat((byte)' ', padding), .. input]);
            Invariant.Holds(
                Equals(report, padded) && fault?.Rule == paddedFault?.Rule && fault?.Offset == paddedFault?.Offset - padding,
                $"white space before the report changes it: {fault?.Message ?? "read"}; {paddedFault?.Message ?? "read"}");
        }
    }

    private static (TlsReport? Report, ProtocolException? Fault) Read(byte[] json)
    {
        try
        {
            using var stream = new MemoryStream(json, writable: false);
            return (TlsReportReader.ReadAsync(stream, Limits, CancellationToken.None).AsTask().GetAwaiter().GetResult(), null);
        }
        catch (ProtocolException fault)
        {
            Invariant.Readable(fault);
            return (null, fault);
        }
    }

    private static void AssertWithinLimits(TlsReport report)
    {
        Invariant.Holds(report.Start <= report.End && report.Start.Offset == TimeSpan.Zero && report.End.Offset == TimeSpan.Zero, "the range is upside down, or not in UTC");
        Invariant.Holds(report.Policies.Length <= Limits.MaxPolicies, "more policies than the limit");
        foreach (var policy in report.Policies)
        {
            Invariant.Holds(IsCount(policy.SuccessfulSessions) && IsCount(policy.FailedSessions) && IsCount(policy.UnlistedFailures), "a sum of sessions is no count");
            Invariant.Holds(policy.FailureDetails.Length <= Limits.MaxFailureKinds, "more failure details than the limit");
            Invariant.Holds(policy.PolicyString.Length <= Limits.MaxListItems && policy.MxHosts.Length <= Limits.MaxListItems, "a list is longer than the limit");
            Invariant.Holds(policy.FailureDetails.All(detail => IsCount(detail.FailedSessions)), "a detail's sessions are no count");
        }

        foreach (var note in report.Notes)
        {
            Invariant.Holds(note.ToString().Length <= MaxNote && note.ToString().All(c => c is >= ' ' and <= '~' or '§'), $"a note is too long, or not plain: {note}");
        }
    }

    private static bool IsCount(long number) => number is >= 0 and <= MaxCount;
}
