using System.Text.Json.Serialization;

namespace StsFunctions.Core.Observations;

/// <summary>How a DNS question ended.</summary>
internal enum DnsOutcome
{
    /// <summary>With records.</summary>
    Found,

    /// <summary>The name is there, without records of that type.</summary>
    Empty,

    /// <summary>The name is not there.</summary>
    NxDomain,

    /// <summary>The resolver failed: SERVFAIL, REFUSED and the like.</summary>
    Failed,

    /// <summary>There was no answer.</summary>
    TimedOut,

    /// <summary>Not asked: there was no reason to, or no time left.</summary>
    NotAsked,
}

/// <summary>The answer to one DNS question.</summary>
/// <param name="Name">The name asked for; for CAA the name that has the records, which may be a parent (RFC 8659 §3).</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Records">The records as text, character-strings joined.</param>
/// <param name="Aliases">Where the CNAMEs at the name lead, one after another; empty without one.</param>
/// <param name="Ttl">The least time to live among the records and the CNAMEs before them, in seconds.</param>
/// <param name="Detail">What the resolver said of a failure.</param>
/// <param name="Authentic">Whether the resolver validated it by DNSSEC (the AD bit); null if the resolver is not set as a validating one.</param>
internal sealed record DnsAnswer(
    string Name, DnsOutcome Outcome, IReadOnlyList<string> Records, IReadOnlyList<string>? Aliases = null, int Ttl = 0, string? Detail = null, bool? Authentic = null)
{
    /// <summary>Where the CNAMEs at the name lead, one after another; empty without one.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = Aliases ?? [];

    /// <summary>Whether the answer says what is there: "nothing" is an answer, a failure is not.</summary>
    [JsonIgnore]
    public bool IsKnown => Outcome is DnsOutcome.Found or DnsOutcome.Empty or DnsOutcome.NxDomain;

    /// <summary>Where a CNAME at the name points, or null.</summary>
    [JsonIgnore]
    public string? CnameTo => Aliases is [var first, ..] ? first : null;

    /// <summary>The answer to a question that was not asked.</summary>
    public static DnsAnswer NotAsked(string name) => new(name, DnsOutcome.NotAsked, []);
}
