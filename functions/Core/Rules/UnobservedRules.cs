using System.Globalization;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Rules;

/// <summary>An address that this checker failed to observe.</summary>
internal sealed class MxSessionNotObserved : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.session.not-observed", "info", "an address of an MX host that was not observed, because this checker itself failed",
        "Nothing is known of this address; this app still checks the rest of the domain.",
        "Check the server by hand: openssl s_client -starttls smtp -connect <address>:25. Please report the error that this finding quotes, because it is an error of this checker.",
        "RFC 8461 §4", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => IsApplicable(context) && MxHosts.AllAddressesKnown(context) && context.Observation.MxHosts.All(host =>
        (host.Sessions is not [] || host.A.Records.Count + host.Aaaa.Records.Count == 0) && host.Sessions.All(session => session.Outcome != SmtpOutcome.DeadlineExceeded));

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        Sessions.With(context, SmtpOutcome.NotObserved).Select(found => Kind.Found(Severity.Info, found.Host.Host, Sessions.Ended(found.Sessions)));
}

/// <summary>Certificates that form no chain, or a certificate that cannot be parsed.</summary>
internal sealed class MxCertificateChainUnusable : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.chain-unusable", "by mode", "certificates that form no chain, or a certificate that cannot be parsed",
        "Senders cannot verify the certificates that this server sends: under enforce, senders that honour the policy do not deliver to this server.",
        "Install the file that the CA issued (most ACME clients call it fullchain): the server's own certificate first, then only the intermediate certificates. Check what the server sends: openssl s_client -starttls smtp -connect <address>:25 -showcerts",
        "RFC 5280 §6.1, RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, IsUnusable).Select(found => Kind.Found(
        context.SeverityIfRejected, found.Host.Host, string.Join("; ", found.Sessions.Select(Words)),
        $"Senders cannot verify the certificates that this server sends: {context.Consequence}."));

    private static bool IsUnusable(SmtpSession session) =>
        session.Outcome == SmtpOutcome.ChainUnusable || (session.Tls is { Chain: not [] } tls && Certificates.Leaf(tls) is null);

    private static string Words(SmtpSession session) =>
        $"{session.Address}: {(session.Outcome == SmtpOutcome.ChainUnusable ? session.Detail : "the server's certificate cannot be parsed")}";
}

/// <summary>More certificates than a chain needs.</summary>
internal sealed class MxCertificateChainLong : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.chain-long", "info", $"a server that sends more than {TlsSession.MaxCertificates} certificates",
        "Some senders accept far fewer: by default, Postfix verifies 9 certificates above the server's own, and GnuTLS 16. Every handshake also gets longer.",
        "Configure the server to send only its own certificate and the intermediate certificates of its chain.",
        "RFC 8446 §4.4.2");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, session => session.Tls?.Sent is not null).Select(found => Kind.Found(
        Severity.Info, found.Host.Host,
        string.Join("; ", found.Sessions.Select(session => string.Create(
            CultureInfo.InvariantCulture, $"{session.Address}: the chain has more than {TlsSession.MaxCertificates} certificates ({session.Tls!.Sent}); this app stores only the first ones")))));
}
