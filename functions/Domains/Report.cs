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
/// <param name="Verdict">Whether its sender was authenticated.</param>
/// <param name="BodyHash">Tells the same report from another of the same identity.</param>
/// <param name="Generation">The one set of failure rows that counts.</param>
/// <param name="Blob">Where the raw one is.</param>
/// <param name="Superseded">Another report of the same identity counts instead.</param>
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
    string Verdict,
    string BodyHash,
    string Generation,
    string Blob,
    bool Superseded)
{
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
