using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Outgoing;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>An address that this checker failed at.</summary>
internal sealed class MxSessionNotObserved : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.session.not-observed", "info", "an address of an MX host that could not be observed, because this checker itself failed at it",
        "Nothing is known of this server; everything else of the domain is checked all the same.",
        "Check the server by hand: openssl s_client -starttls smtp -connect <address>:25. Please report the words above, which name what this checker did not expect.",
        "RFC 8461 §4", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => CanSee(given) && MxHosts.AllAddressesKnown(given) && given.Seen.MxHosts.All(host =>
        (host.Sessions is not [] || host.A.Records.Count + host.Aaaa.Records.Count == 0) && host.Sessions.All(session => session.Outcome != SmtpOutcome.OutOfTime));

    public IEnumerable<Finding> Judge(Case given) =>
        Sessions.With(given, SmtpOutcome.NotObserved).Select(found => Kind.Found(Severity.Info, found.Host.Host, Sessions.Ended(found.Sessions)));
}

/// <summary>Certificates that make no chain, or one that cannot be read.</summary>
internal sealed class MxCertificateChainUnusable : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.chain-unusable", "by mode", "certificates of which no chain can be built, or a certificate that cannot be read",
        "Senders cannot verify the certificates that this server sends: under enforce, senders that honour the policy do not deliver to this server.",
        "Install the file that the CA issued, with the server's own certificate first and only those that lead to the root behind it (with most CAs it is called fullchain): openssl s_client -starttls smtp -connect <address>:25 -showcerts",
        "RFC 5280 §6.1, RFC 8461 §4.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, IsUnusable).Select(found => Kind.Found(
        given.WhenRefused, found.Host.Host, string.Join("; ", found.Sessions.Select(Words)),
        $"Senders cannot verify the certificates that this server sends: {given.Consequence}."));

    private static bool IsUnusable(SmtpSession session) =>
        session.Outcome == SmtpOutcome.ChainUnusable || (session.Tls is { Chain: not [] } tls && Certificates.Leaf(tls) is null);

    private static string Words(SmtpSession session) =>
        $"{session.Address}: {(session.Outcome == SmtpOutcome.ChainUnusable ? session.Detail : "the server's certificate cannot be read")}";
}

/// <summary>More certificates than anybody needs.</summary>
internal sealed class MxCertificateChainLong : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.chain-long", "info", $"a server that sends more than {ServerCertificates.MaxCertificates} certificates",
        "Every handshake carries them, and some senders stop at far fewer: Postfix verifies 9 above the server's own by default, GnuTLS 16.",
        "Let the server send its own certificate and those that lead to the root, and nothing else.",
        "RFC 8446 §4.4.2");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, session => session.Tls?.Sent is not null).Select(found => Kind.Found(
        Severity.Info, found.Host.Host,
        string.Join("; ", found.Sessions.Select(session => string.Create(
            CultureInfo.InvariantCulture, $"{session.Address}: the chain has more than {ServerCertificates.MaxCertificates} certificates ({session.Tls!.Sent}); the first of them are kept")))));
}
