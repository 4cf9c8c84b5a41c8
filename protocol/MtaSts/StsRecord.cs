using System.Diagnostics.CodeAnalysis;

namespace StsFunctions.Protocol.MtaSts;

/// <summary>
/// The TXT record at <c>_mta-sts.&lt;domain&gt;</c> which announces that a policy exists and, by its id, when it changed
/// (RFC 8461 §3.1).
/// </summary>
public sealed record StsRecord
{
    /// <summary>The longest id, in characters.</summary>
    public const int MaxIdLength = 32;

    private static readonly TxtGrammar Grammar = new("v=STSv1", "RFC 8461 §3.1");

    /// <summary>The policy's id: 1 to 32 ASCII letters and digits, compared with case.</summary>
    /// <exception cref="ProtocolException">It is set to anything else.</exception>
    public required string Id
    {
        get;
        init => field = IsId(value) ? value : throw BadId(value);
    }

    /// <summary>Reads one record, its character-strings already joined. Unknown fields are ignored if well formed.</summary>
    /// <exception cref="ProtocolException">The record does not follow the grammar, or has no id.</exception>
    public static StsRecord Parse(string txt)
    {
        ArgumentNullException.ThrowIfNull(txt);
        StsRecord? record = null;
        foreach (var field in Grammar.Fields(txt))
        {
            // As in a policy (§3.2), the first of a repeated field counts: the later ones need only be well formed.
            if (field.Name == "id" && record is null)
            {
                record = IsId(field.Value) ? new StsRecord { Id = field.Value } : throw BadId(field.Value, field.Offset);
            }
            else
            {
                Grammar.CheckExtension(field);
            }
        }

        return record ?? throw Grammar.Broken("The record has no id: add one, such as id=20260131T120000; (names are case-sensitive).", txt.Length);
    }

    /// <summary>Chooses as a sender does among all the TXT records at <c>_mta-sts.&lt;domain&gt;</c>, each already joined.</summary>
    public static TxtSelection<StsRecord> Select(IReadOnlyList<string> txtRecords)
    {
        ArgumentNullException.ThrowIfNull(txtRecords);
        return Grammar.Select(txtRecords, Parse);
    }

    /// <summary>The record to publish: <c>v=STSv1; id=...;</c></summary>
    public override string ToString() => $"v=STSv1; id={Id};";

    private static bool IsId([NotNullWhen(true)] string? id) =>
        id is { Length: > 0 and <= MaxIdLength } && id.All(char.IsAsciiLetterOrDigit);

    private static ProtocolException BadId(string? id, int? offset = null) =>
        Grammar.Broken($"The id {ProtocolException.Quote(id)} is not allowed: use 1 to {MaxIdLength} ASCII letters and digits, nothing else.", offset);
}
