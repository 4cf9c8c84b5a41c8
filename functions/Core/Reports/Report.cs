using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Core.Reports;

/// <summary>How a report arrived.</summary>
internal enum ReportSource
{
    /// <summary>By POST to <c>v1/tlsrpt</c>.</summary>
    Https,

    /// <summary>By mail.</summary>
    Mail,

    /// <summary>By mail, read out of the Exchange Online mailbox.</summary>
    Mailbox,

    /// <summary>Dropped into the inbox container by something else.</summary>
    Dropped,
}

/// <summary>
/// The authentication of a report's sender at its arrival, the weakest first: of several bodies of one identity the strongest
/// counts (RPT-6). <see cref="ReportAuthenticationPolicy"/> decides what counts at all.
/// </summary>
internal enum AuthenticationResult
{
    /// <summary>DKIM signatures, none of which is valid.</summary>
    Fail,

    /// <summary>A DKIM signature whose key could not be looked up in several attempts: DNS did not answer.</summary>
    TemporaryError,

    /// <summary>Nothing: no signature. A POST never has one.</summary>
    Unverified,

    /// <summary>A valid DKIM signature, of another domain than the sender's.</summary>
    Signed,

    /// <summary>
    /// The mailbox's own Exchange Online found a valid DKIM signature of the sender's own domain. It rewrites bodies, so that we
    /// cannot find it ourselves.
    /// </summary>
    PassByReceiver,

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
/// <param name="Source">How it arrived.</param>
/// <param name="Authentication">What is known of its sender.</param>
/// <param name="ArrivedAt">When it arrived; where nothing else decides, the first of several bodies counts.</param>
/// <param name="BodyHash">Distinguishes the same report from another of the same identity.</param>
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
    AuthenticationResult Authentication,
    DateTimeOffset ArrivedAt,
    string BodyHash,
    string Blob)
{
    /// <summary>The one set of failure rows that counts; empty before it is stored.</summary>
    public string Generation { get; init; } = "";

    /// <summary>What it says policy type by policy type; null in a row that an earlier version of the app wrote.</summary>
    public ReportDigest? Digest { get; init; }

    /// <summary>What it says policy type by policy type, the counted type first; without a digest, all that is known of that one.</summary>
    public IReadOnlyList<TypeCounts> Types => Digest?.Types ?? [new TypeCounts(PolicyType, Sessions, Failures, [], 0)];

    /// <summary>Its row key: its day, its identity and its body.</summary>
    public string Key => $"{Identity}:{BodyHash}";

    /// <summary>What several bodies of one report have in common (RPT-6), day first.</summary>
    public string Identity => ReportIdentity.Of(Day, Submitter, ReportId, Start);

    /// <summary>How it deviates from RFC 8460, a line each that begins with a code.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Another body of the same identity counts instead. Never stored: it is computed when all bodies are read.</summary>
    public bool Superseded { get; init; }

    /// <summary>Its sender is authenticated well enough, and no other body counts instead. Never stored: <see cref="ReportAuthenticationPolicy"/> decides when it is read.</summary>
    public bool IsCounted { get; init; }

    /// <summary>The domain of the signature that the verdict is based on; empty if there is none.</summary>
    public string SignedBy { get; init; } = "";

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
internal sealed record ReportFailure(string ResultType, string MxHost, string Address, long Sessions, string Information)
{
    /// <summary>In place of a result type: the sum of all kinds that are not stored separately.</summary>
    public const string Others = "(others)";

    /// <summary>The policy type under which they failed; several types count the same sessions.</summary>
    public string PolicyType { get; init; } = PolicyTypes.Sts;
}
