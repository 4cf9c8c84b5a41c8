using System.Text.Json;
using System.Text.Json.Serialization;

namespace StsFunctions.Core.Observations;

/// <summary>Everything that one check of a domain observed, without an evaluation. Stored as JSON, so that rules can be re-run on old observations.</summary>
/// <param name="Version">The layout's version; goes up when a field changes its meaning.</param>
/// <param name="Domain">The policy domain.</param>
/// <param name="CheckRun">The check run that it belongs to.</param>
/// <param name="At">When the check began.</param>
/// <param name="Mx">Its MX records: <c>preference host</c>.</param>
/// <param name="StsRecords">TXT at <c>_mta-sts</c>.</param>
/// <param name="TlsRptRecords">TXT at <c>_smtp._tls</c>.</param>
/// <param name="Dmarc">TXT at <c>_dmarc</c>.</param>
/// <param name="PolicyHost">The policy host, and the policy as a sender fetches it.</param>
/// <param name="MxHosts">Each MX host, in the order of preference.</param>
/// <param name="OutboundSmtp">Whether the network allows outbound connections on port 25.</param>
/// <param name="DeadlineExceeded">Whether the check reached its deadline; items that were not observed are marked.</param>
internal sealed record Observation(
    int Version,
    string Domain,
    string CheckRun,
    DateTimeOffset At,
    DnsAnswer Mx,
    DnsAnswer StsRecords,
    DnsAnswer TlsRptRecords,
    DnsAnswer Dmarc,
    PolicyHostObservation PolicyHost,
    IReadOnlyList<MxHostObservation> MxHosts,
    OutboundSmtp OutboundSmtp,
    bool DeadlineExceeded = false)
{
    public const int CurrentVersion = 2;

    /// <summary>Whether DNS did not answer something, or there was no time for it, or this checker failed at it: another attempt may observe it.</summary>
    [JsonIgnore]
    public bool IsIncomplete => DeadlineExceeded
        || MxHosts.Any(host => host.Sessions.Any(session => session.Outcome is SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved))
        || MxHosts.SelectMany(host => (DnsAnswer[])[host.A, host.Aaaa, host.Tlsa])
            .Concat([Mx, StsRecords, TlsRptRecords, Dmarc, PolicyHost.A, PolicyHost.Aaaa, PolicyHost.Caa])
            .Any(answer => answer.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut);

    /// <summary>Whether there are MX hosts and none of them could be observed from here, for any reason.</summary>
    [JsonIgnore]
    public bool MxUnreachableFromHere => OutboundSmtp == OutboundSmtp.Blocked
        || (MxHosts.SelectMany(host => host.Sessions).Select(session => session.Outcome).ToList() is { Count: > 0 } outcomes
            && outcomes.TrueForAll(outcome => outcome is SmtpOutcome.NoRoute or SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved));

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ObservationJson.Default.Observation);
}

/// <summary>Whether the network allows outbound connections on port 25 (MX-7).</summary>
internal enum OutboundSmtp
{
    /// <summary>There was no reason to test it.</summary>
    NotTested,

    /// <summary>A session was established, or a reference MX host answered.</summary>
    Open,

    /// <summary>No reference MX host could be connected to either: nothing can be said about any MX.</summary>
    Blocked,
}

/// <summary>The policy host <c>mta-sts.&lt;domain&gt;</c>.</summary>
/// <param name="Host">Its name.</param>
/// <param name="A">Its IPv4 addresses, and the CNAMEs that lead to them.</param>
/// <param name="Aaaa">Its IPv6 addresses, and the CNAMEs that lead to them.</param>
/// <param name="Caa">The CAA records that hold for it, as <c>flags tag value</c>: its own or the nearest parent's (RFC 8659 §3).</param>
/// <param name="Fetch">The policy as a sender fetches it; null if it was not fetched.</param>
internal sealed record PolicyHostObservation(string Host, DnsAnswer A, DnsAnswer Aaaa, DnsAnswer Caa, PolicyFetch? Fetch);

/// <summary>One MX host.</summary>
/// <param name="Host">Its name, without the trailing dot.</param>
/// <param name="Preference">Its preference.</param>
/// <param name="Implicit">The domain has no MX record and is its own MX host (RFC 5321 §5.1).</param>
/// <param name="A">Its IPv4 addresses.</param>
/// <param name="Aaaa">Its IPv6 addresses.</param>
/// <param name="Tlsa">TLSA at <c>_25._tcp</c>, as <c>usage selector matching hex</c> (RFC 6698 §2.2).</param>
/// <param name="Probes">The result of the probe of each address.</param>
internal sealed record MxHostObservation(
    string Host, int Preference, bool Implicit, DnsAnswer A, DnsAnswer Aaaa, DnsAnswer Tlsa, IReadOnlyList<MxProbeResult> Probes)
{
    /// <summary>The default session with each address.</summary>
    [JsonIgnore]
    public IReadOnlyList<SmtpSession> Sessions => [.. Probes.Select(probe => probe.Default)];
}

[JsonSerializable(typeof(Observation))]
[JsonSerializable(typeof(MxProbeResult))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class ObservationJson : JsonSerializerContext;
