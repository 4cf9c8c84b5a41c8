using System.Text.Json;
using System.Text.Json.Serialization;

namespace StsFunctions.CheckDomain;

/// <summary>Everything that one look at a domain saw, and nothing that anybody thinks of it. Kept as JSON, so that rules can be re-run on old ones.</summary>
/// <param name="Version">The layout's version; goes up when a field changes its meaning.</param>
/// <param name="Domain">The policy domain.</param>
/// <param name="Round">The round that it belongs to.</param>
/// <param name="At">When the look began.</param>
/// <param name="Mx">Its MX records: <c>preference host</c>.</param>
/// <param name="StsRecords">TXT at <c>_mta-sts</c>.</param>
/// <param name="TlsRptRecords">TXT at <c>_smtp._tls</c>.</param>
/// <param name="MxHosts">Each MX host, in the order of preference.</param>
/// <param name="Port25">Whether the network lets connections to port 25 out.</param>
internal sealed record Observation(
    int Version,
    string Domain,
    string Round,
    DateTimeOffset At,
    DnsAnswer Mx,
    DnsAnswer StsRecords,
    DnsAnswer TlsRptRecords,
    IReadOnlyList<MxHostObservation> MxHosts,
    Port25 Port25)
{
    public const int CurrentVersion = 1;

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ObservationJson.Default.Observation);
}

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

    /// <summary>No answer came.</summary>
    TimedOut,
}

/// <summary>The answer to one DNS question.</summary>
/// <param name="Name">The name asked for.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Records">The records as text, character-strings joined.</param>
/// <param name="CnameTo">Where a CNAME at the name points, or null.</param>
/// <param name="Ttl">The least time to live among the records, in seconds.</param>
/// <param name="Detail">What the resolver said of a failure.</param>
internal sealed record DnsAnswer(string Name, DnsOutcome Outcome, IReadOnlyList<string> Records, string? CnameTo = null, int Ttl = 0, string? Detail = null)
{
    /// <summary>Whether the answer says what is there: "nothing" is an answer, a failure is not.</summary>
    [JsonIgnore]
    public bool IsKnown => Outcome is DnsOutcome.Found or DnsOutcome.Empty or DnsOutcome.NxDomain;
}

/// <summary>Whether the network lets connections to port 25 out (MX-7).</summary>
internal enum Port25
{
    /// <summary>Nothing gave reason to ask.</summary>
    NotAsked,

    /// <summary>A session came about, or a reference MX host answered.</summary>
    Open,

    /// <summary>Every reference MX host timed out too: nothing can be said about any MX.</summary>
    Closed,
}

/// <summary>One MX host.</summary>
/// <param name="Host">Its name, without the trailing dot.</param>
/// <param name="Preference">Its preference.</param>
/// <param name="Implicit">The domain has no MX record and stands for itself (RFC 5321 §5.1).</param>
/// <param name="A">Its IPv4 addresses.</param>
/// <param name="Aaaa">Its IPv6 addresses.</param>
/// <param name="Sessions">One session with each address.</param>
internal sealed record MxHostObservation(string Host, int Preference, bool Implicit, DnsAnswer A, DnsAnswer Aaaa, IReadOnlyList<SmtpSession> Sessions);

/// <summary>How far an SMTP session came.</summary>
internal enum SmtpOutcome
{
    /// <summary>To TLS, and a second EHLO was answered.</summary>
    Completed,

    /// <summary>Not begun: the address is none that the world can reach.</summary>
    AddressNotAllowed,

    /// <summary>Not begun: this machine has no route, as most clouds have none for IPv6. Says nothing about the MX.</summary>
    NoRoute,

    /// <summary>The connection was refused.</summary>
    ConnectionRefused,

    /// <summary>No connection came about in time.</summary>
    ConnectionTimedOut,

    /// <summary>The connection broke, or the server went silent, before STARTTLS was answered.</summary>
    BrokenOff,

    /// <summary>The server greeted with something other than 220, or refused EHLO.</summary>
    Turned,

    /// <summary>STARTTLS was not offered.</summary>
    StartTlsMissing,

    /// <summary>STARTTLS was offered and then refused.</summary>
    StartTlsRefused,

    /// <summary>Plain text came after the answer to STARTTLS (MX-3).</summary>
    StartTlsInjected,

    /// <summary>The TLS handshake failed.</summary>
    TlsFailed,

    /// <summary>The TLS handshake failed for want of a version in common.</summary>
    TlsVersion,
}

/// <summary>One SMTP session with one address.</summary>
internal sealed record SmtpSession(
    string Address,
    SmtpOutcome Outcome,
    string? Banner = null,
    string? StartTlsReply = null,
    string? Detail = null,
    TlsSession? Tls = null,
    int Milliseconds = 0)
{
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ObservationJson.Default.SmtpSession);

    /// <summary>Reads what <see cref="ToJson"/> wrote; null where an earlier version of the app wrote something else.</summary>
    public static SmtpSession? FromJson(byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ObservationJson.Default.SmtpSession);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>What the TLS handshake showed.</summary>
/// <param name="Protocol">The version: <c>Tls12</c>, <c>Tls13</c>.</param>
/// <param name="CipherSuite">The suite's IANA name.</param>
/// <param name="Chain">The certificates as sent, DER, the server's own first.</param>
/// <param name="Trust">Why the chain is not trusted, other than by its dates: empty when it is.</param>
internal sealed record TlsSession(string Protocol, string CipherSuite, IReadOnlyList<byte[]> Chain, IReadOnlyList<string> Trust);

[JsonSerializable(typeof(Observation))]
[JsonSerializable(typeof(SmtpSession))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class ObservationJson : JsonSerializerContext;
