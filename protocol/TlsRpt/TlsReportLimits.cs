namespace StsFunctions.Protocol.TlsRpt;

/// <summary>How much of a report is read before it is refused. Reports come from anybody.</summary>
public sealed record TlsReportLimits
{
    /// <summary>Limits that the largest reports of the largest senders keep well within.</summary>
    public static TlsReportLimits Default { get; } = new();

    /// <summary>The most bytes of JSON, after decompression.</summary>
    public long MaxBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>The most entries of <c>policies</c>.</summary>
    public int MaxPolicies { get; init; } = 1_000;

    /// <summary>How many failure details of one policy are stored; of more, the largest kinds are stored and the rest is summed.</summary>
    public int MaxFailureKinds { get; init; } = 1_000;

    /// <summary>About the most memory for the stored parts of a report, in bytes: the rest is summed or left out, and noted.</summary>
    public int MaxHeldBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>The most items of one <c>policy-string</c> or <c>mx-host</c>.</summary>
    public int MaxListItems { get; init; } = 4_096;

    /// <summary>The longest text, in bytes of the JSON. It applies to ignored members too.</summary>
    public int MaxStringLength { get; init; } = 16 * 1024;

    /// <summary>The deepest nesting of objects and arrays, ignored members included. A report needs 5.</summary>
    public int MaxDepth { get; init; } = 32;
}
