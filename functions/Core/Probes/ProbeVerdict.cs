using System.Security.Cryptography;
using System.Text.Json;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;

namespace StsFunctions.Core.Probes;

/// <summary>What a probe shows about its network path.</summary>
internal enum ProbeVerdictKind
{
    /// <summary>TLS with a trusted chain.</summary>
    Trusted,

    /// <summary>TLS with an untrusted chain.</summary>
    Untrusted,

    /// <summary>No TLS: STARTTLS was not offered, or it failed.</summary>
    NoTls,

    /// <summary>Nothing that two agents could contradict each other about.</summary>
    NotObserved,
}

/// <summary>The summary of an agent's probe, by which two agents are compared.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Summary">The same for a person.</param>
/// <param name="Key">The SHA-256 of the server's public key; null if there was none.</param>
internal sealed record ProbeVerdict(ProbeVerdictKind Kind, string Summary, string? Key = null)
{
    private const int MaxSummary = 300;

    /// <summary>The summary of a probe.</summary>
    public static ProbeVerdict Of(MxProbeResult probe)
    {
        var session = probe.Default;
        return session switch
        {
            { Outcome: SmtpOutcome.Completed, Tls: { } tls } => OfChain(tls),
            {
                Outcome: SmtpOutcome.StartTlsMissing or SmtpOutcome.StartTlsRefused or SmtpOutcome.StartTlsInjected
                or SmtpOutcome.TlsFailed or SmtpOutcome.TlsVersion or SmtpOutcome.TlsCipher
            } => new(ProbeVerdictKind.NoTls, Cut($"{session.Outcome} ({session.Detail ?? session.Banner})")),
            _ => new(ProbeVerdictKind.NotObserved, Cut($"{session.Outcome} ({session.Detail ?? session.Banner})")),
        };
    }

    /// <summary>Whether two probes of one address cannot have reached the same server. A server that is down for one of them is no contradiction.</summary>
    public bool Contradicts(ProbeVerdict other) => (Kind, other.Kind) switch
    {
        (ProbeVerdictKind.Trusted, ProbeVerdictKind.NoTls) or (ProbeVerdictKind.NoTls, ProbeVerdictKind.Trusted) => true,
        (ProbeVerdictKind.Trusted, ProbeVerdictKind.Untrusted) or (ProbeVerdictKind.Untrusted, ProbeVerdictKind.Trusted) => Key != other.Key,
        _ => false,
    };

    public string ToJson() => JsonSerializer.Serialize(this, AgentJson.Default.ProbeVerdict);

    /// <summary>Reads what <see cref="ToJson"/> wrote; null where another version of the app wrote something else.</summary>
    public static ProbeVerdict? FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, AgentJson.Default.ProbeVerdict);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ProbeVerdict OfChain(TlsSession tls)
    {
        if (Certificates.Leaf(tls) is not { } leaf)
        {
            return new(ProbeVerdictKind.NotObserved, "a certificate that cannot be read");
        }

        var key = Convert.ToHexStringLower(SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo()));
        return tls.Trust is []
            ? new(ProbeVerdictKind.Trusted, Cut($"{tls.Protocol}, a trusted certificate of {leaf.Subject}, key {key[..16]}…"), key)
            : new(ProbeVerdictKind.Untrusted, Cut($"{tls.Protocol}, a certificate of {leaf.Subject} that is not trusted ({tls.Trust[0]}), key {key[..16]}…"), key);
    }

    private static string Cut(string text) => text.Length <= MaxSummary ? text : text[..MaxSummary] + "…";
}
