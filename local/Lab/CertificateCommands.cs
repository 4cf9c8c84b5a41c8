using System.Globalization;

namespace StsFunctions.Local.Lab;

/// <summary>Commands that change certificates.</summary>
internal sealed class CertificateCommands(MailLab lab, CommandTargets targets)
{
    private const string OtherName = "mail.somewhere-else.example";
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(90);
    private static readonly TimeSpan Age = TimeSpan.FromDays(1);

    public IReadOnlyList<Command> All =>
    [
        new("expire", "HOST [DAYS] [KEY]", "its certificate expired yesterday, or expires in so many days", Expire),
        new("renew", "HOST [KEY]", "a new, good certificate for 90 days", words => Swap(words, good => good, (host, key) => $"{host} has a new{key} certificate, good for {Lifetime.TotalDays} days.")),
        new("wrong-name", "HOST [KEY]", "its certificate is for another name", words => Break(words, good => good with { DnsNames = [OtherName] }, $"is for {OtherName}")),
        new("self-signed", "HOST [KEY]", "its certificate is self-signed", words => Break(words, good => good with { Signer = CertificateSigner.Itself }, "is self-signed")),
        new("untrusted", "HOST [KEY]", "its certificate is signed by an untrusted CA", words => Break(words, good => good with { Signer = CertificateSigner.UntrustedCa }, "is signed by an untrusted CA")),
        new("no-intermediate", "HOST [KEY]", "it does not send the intermediate certificate", words => Break(words, good => good with { Sends = SentChain.LeafOnly }, "comes without its intermediate")),
        new("misordered", "HOST [KEY]", "it sends its chain in the wrong order, which senders accept", words => Break(words, good => good with { Sends = SentChain.Misordered }, "comes with its chain in the wrong order")),
        new("keys", "HOST ecdsa|rsa|both", "good certificates with keys of these kinds; of both, clients get the first that they can use", Keys),
    ];

    private string? Expire(string[] words)
    {
        var days = -1;
        string[] rest = words;
        if (words.Length > 1 && IsDays(words[1], out days))
        {
            rest = [words[0], .. words[2..]];
        }
        else
        {
            days = -1;
        }

        // Half a day more, so that it remains this number of whole days during a session.
        var left = TimeSpan.FromDays(days < 0 ? days : days + 0.5);
        var begun = left - Lifetime < -Age ? left - Lifetime : -Age;
        return Break(rest, good => good with { NotBeforeFromNow = begun, NotAfterFromNow = left }, days < 0 ? "expired yesterday" : $"expires in {days} days");
    }

    private string? Break(string[] words, Func<CertificateSpec, CertificateSpec> how, string what) =>
        Swap(words, how, (host, key) => $"The{key} certificate of {host} {what}. `renew {host}` fixes it.");

    private string? Swap(string[] words, Func<CertificateSpec, CertificateSpec> how, Func<string, string, string> answer)
    {
        KeyKind? only = null;
        if (words.Length is 0 or > 2 || words.Length == 2 && (only = KeyOf(words[1])) is null)
        {
            return null;
        }

        var servers = targets.Servers(words[0]);
        var kinds = servers[0].Certificates.Select(certificate => certificate.Spec.Key).Where(kind => only is null || kind == only).ToList();
        if (kinds.Count == 0)
        {
            throw new InvalidOperationException($"{servers[0].HostName} has no certificate with such a key: `keys {words[0]} both` gives it one of each kind.");
        }

        var swapped = kinds.ToDictionary(kind => kind, kind => lab.Ca.Issue(how(CertificateSpec.For(servers[0].HostName) with { Key = kind })));
        foreach (var server in servers)
        {
            server.Certificates = [.. server.Certificates.Select(old => swapped.GetValueOrDefault(old.Spec.Key, old))];
        }

        return answer(CommandTargets.Describe(servers, words[0]), only is null ? "" : only == KeyKind.Rsa ? " RSA" : " ECDSA");
    }

    private string? Keys(string[] words)
    {
        if (words is not [var host, var which])
        {
            return null;
        }

        IReadOnlyList<KeyKind> kinds = which == "both" ? [KeyKind.Ecdsa, KeyKind.Rsa] : KeyOf(which) is { } one ? [one] : [];
        if (kinds.Count == 0)
        {
            return null;
        }

        var servers = targets.Servers(host);
        IReadOnlyList<IssuedCertificate> certificates = [.. kinds.Select(kind => lab.Ca.Issue(CertificateSpec.For(servers[0].HostName) with { Key = kind }))];
        foreach (var server in servers)
        {
            server.Certificates = certificates;
        }

        return which == "both"
            ? $"{CommandTargets.Describe(servers, host)} has an ECDSA certificate, and an RSA one for clients that cannot use it. `keys {host} ecdsa` removes that one."
            : $"The certificate of {CommandTargets.Describe(servers, host)} has a key of kind {which}.";
    }

    private static KeyKind? KeyOf(string word) => word switch
    {
        "ecdsa" => KeyKind.Ecdsa,
        "rsa" => KeyKind.Rsa,
        _ => null,
    };

    private static bool IsDays(string word, out int days) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out days) && days <= 3_650;
}
