using System.Security.Cryptography;
using System.Text.Json;
using StsFunctions.CheckDomain;
using StsFunctions.CheckDomain.Rules;

namespace StsFunctions.Agents;

/// <summary>What a look says of the way that it took.</summary>
internal enum SawKind
{
    /// <summary>TLS, with a chain that is trusted.</summary>
    Trusted,

    /// <summary>TLS, with one that is not.</summary>
    Untrusted,

    /// <summary>No TLS: STARTTLS was not there, or led to none.</summary>
    NoTls,

    /// <summary>Nothing that two agents could contradict each other about.</summary>
    Nothing,
}

/// <summary>An agent's look in short: what two agents are compared by.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Words">The same for a person.</param>
/// <param name="Key">The SHA-256 of the server's public key; null where none was shown.</param>
internal sealed record AgentSaw(SawKind Kind, string Words, string? Key = null)
{
    private const int MaxWords = 300;

    /// <summary>A look in short.</summary>
    public static AgentSaw Of(AddressLook look)
    {
        var session = look.Session;
        return session switch
        {
            { Outcome: SmtpOutcome.Completed, Tls: { } tls } => OfChain(tls),
            {
                Outcome: SmtpOutcome.StartTlsMissing or SmtpOutcome.StartTlsRefused or SmtpOutcome.StartTlsInjected
                or SmtpOutcome.TlsFailed or SmtpOutcome.TlsVersion or SmtpOutcome.TlsCipher
            } => new(SawKind.NoTls, Cut($"{session.Outcome} ({session.Detail ?? session.Banner})")),
            _ => new(SawKind.Nothing, Cut($"{session.Outcome} ({session.Detail ?? session.Banner})")),
        };
    }

    /// <summary>Whether of two looks at one address one cannot have been at the server that the other saw. A server that is down for one of them is no contradiction.</summary>
    public bool Contradicts(AgentSaw other) => (Kind, other.Kind) switch
    {
        (SawKind.Trusted, SawKind.NoTls) or (SawKind.NoTls, SawKind.Trusted) => true,
        (SawKind.Trusted, SawKind.Untrusted) or (SawKind.Untrusted, SawKind.Trusted) => Key != other.Key,
        _ => false,
    };

    public string ToJson() => JsonSerializer.Serialize(this, AgentJson.Default.AgentSaw);

    /// <summary>Reads what <see cref="ToJson"/> wrote; null where another version of the app wrote something else.</summary>
    public static AgentSaw? FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, AgentJson.Default.AgentSaw);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static AgentSaw OfChain(TlsSession tls)
    {
        if (Certificates.Leaf(tls) is not { } leaf)
        {
            return new(SawKind.Nothing, "a certificate that cannot be read");
        }

        var key = Convert.ToHexStringLower(SHA256.HashData(leaf.PublicKey.ExportSubjectPublicKeyInfo()));
        return tls.Trust is []
            ? new(SawKind.Trusted, Cut($"{tls.Protocol}, a trusted certificate of {leaf.Subject}, key {key[..16]}…"), key)
            : new(SawKind.Untrusted, Cut($"{tls.Protocol}, a certificate of {leaf.Subject} that is not trusted ({tls.Trust[0]}), key {key[..16]}…"), key);
    }

    private static string Cut(string text) => text.Length <= MaxWords ? text : text[..MaxWords] + "…";
}
