namespace StsFunctions.Domains;

/// <summary>How a report came in.</summary>
internal enum ReportSource
{
    /// <summary>By POST to <c>v1/tlsrpt</c>.</summary>
    Https,

    /// <summary>By mail.</summary>
    Mail,

    /// <summary>Dropped into the inbox container by something else.</summary>
    Dropped,
}

/// <summary>What is known of a report's sender, the weakest first: of several bodies of one identity the strongest counts (RPT-6).</summary>
internal enum Verdict
{
    /// <summary>Nothing.</summary>
    Unverified,

    /// <summary>A valid DKIM signature, of another domain than the sender's.</summary>
    Signed,

    /// <summary>A valid DKIM signature of the sender's own domain (RFC 8460 §3).</summary>
    Aligned,
}

/// <summary>One sender's report on one domain: a row of the <c>Reports</c> table.</summary>
/// <param name="Domain">The policy domain it is for.</param>
/// <param name="Submitter">Who sent it: the organization-name.</param>
/// <param name="ReportId">The sender's own id for it.</param>
/// <param name="Start">The first moment it covers.</param>
/// <param name="End">The last.</param>
/// <param name="PolicyType">The policy type that the counts are of; types of the same sessions are never summed.</param>
/// <param name="Sessions">Successful sessions.</param>
/// <param name="Failures">Failed sessions.</param>
/// <param name="Source">How it came in.</param>
/// <param name="Verdict">What is known of its sender.</param>
/// <param name="ArrivedAt">When it arrived; where nothing else decides, the first of several bodies counts.</param>
/// <param name="BodyHash">Tells the same report from another of the same identity.</param>
/// <param name="Blob">Where the raw one is.</param>
internal sealed record Report(
    string Domain,
    string Submitter,
    string ReportId,
    DateTimeOffset Start,
    DateTimeOffset End,
    string PolicyType,
    long Sessions,
    long Failures,
    ReportSource Source,
    Verdict Verdict,
    DateTimeOffset ArrivedAt,
    string BodyHash,
    string Blob)
{
    /// <summary>The one set of failure rows that counts; empty before it is stored.</summary>
    public string Generation { get; init; } = "";

    /// <summary>How it deviates from RFC 8460, a line each that begins with a code.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Another body of the same identity counts instead. Never stored: it shows where all bodies are side by side.</summary>
    public bool Superseded { get; init; }

    /// <summary>The day it counts for: the start of its range, in UTC.</summary>
    public DateOnly Day => DateOnly.FromDateTime(Start.UtcDateTime);

    /// <summary>Adds counts. They come from outside: a sum that would overflow stays at the largest number.</summary>
    public static long Sum(IEnumerable<long> counts) =>
        counts.Aggregate(0L, (sum, count) => count > long.MaxValue - sum ? long.MaxValue : sum + count);
}

/// <summary>Failed sessions of one result type at one server: a row of the <c>ReportFailures</c> table.</summary>
/// <param name="ResultType">As the sender wrote it (RFC 8460 §4.3).</param>
/// <param name="MxHost">The receiving MX host name, or empty.</param>
/// <param name="Address">The receiving address, or empty.</param>
/// <param name="Sessions">How many sessions failed so.</param>
/// <param name="Information">The sender's words on it, or empty.</param>
internal sealed record ReportFailure(string ResultType, string MxHost, string Address, long Sessions, string Information);
