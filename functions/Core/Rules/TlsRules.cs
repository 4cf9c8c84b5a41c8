using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Rules;

/// <summary>A server without a TLS version that senders may use.</summary>
internal sealed class MxTlsVersion : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.old-version", "by mode", "a server that supports neither TLS 1.2 nor TLS 1.3",
        "The server supports neither TLS 1.2 nor TLS 1.3: under enforce, senders that honour the policy do not deliver to this server.",
        "Enable TLS 1.2 and TLS 1.3 on the server. If it is too old for them, update it.",
        "RFC 8461 §7, RFC 8996 §4", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, SmtpOutcome.TlsVersion).Select(found => Kind.Found(
        context.SeverityIfRejected, found.Host.Host, Sessions.Describe(found.Sessions), $"The server supports neither TLS 1.2 nor TLS 1.3: {context.Consequence}."));
}

/// <summary>A server without a cipher suite that senders may use.</summary>
internal sealed class MxTlsCipher : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.weak-cipher", "by mode", "a server without a cipher suite that senders commonly offer",
        "The server supports none of the cipher suites that senders commonly offer: under enforce, senders that honour the policy do not deliver to this server.",
        "Enable common cipher suites, such as TLS_AES_128_GCM_SHA256 and TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (ECDHE_ECDSA if the certificate has an ECDSA key); check also that the key file belongs to the certificate.",
        "RFC 9325 §4.2, RFC 8461 §4.2", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, SmtpOutcome.TlsCipher).Select(found => Kind.Found(
        context.SeverityIfRejected, found.Host.Host, Sessions.Describe(found.Sessions), $"The server supports none of the cipher suites that senders commonly offer: {context.Consequence}."));
}

/// <summary>A server that supports nothing newer than TLS 1.2.</summary>
internal sealed class MxTlsOnly12 : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.only-12", "info", "a server that supports TLS 1.2 and not TLS 1.3",
        "Mail is protected; TLS 1.3 would protect it better, and new senders prefer it.",
        "Enable TLS 1.3 on the server, in addition to TLS 1.2.",
        "RFC 9325 §3.1.1, RFC 8461 §7");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    // A server picks the newest version that both sides support, and this checker offers 1.3.
    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, session => session.Tls?.Protocol == "Tls12").Select(found => Kind.Found(
        Severity.Info, found.Host.Host, string.Join("; ", found.Sessions.Select(session => $"{session.Address}: TLS 1.2, {session.Tls!.CipherSuite}"))));
}

/// <summary>A server that supports TLS 1.3 alone.</summary>
internal sealed class MxTlsOnly13 : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.only-13", "info", "a server that supports TLS 1.3 and not TLS 1.2",
        "Senders that support nothing newer than TLS 1.2, which RFC 8461 allows, cannot use TLS with this server: under enforce, those that honour the policy do not deliver to it.",
        "Enable TLS 1.2 on the server, in addition to TLS 1.3.",
        "RFC 8461 §7");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context) && context.Observation.MxHosts.SelectMany(host => host.Probes)
        .Where(probe => Sessions.IsReached(probe.Default)).All(probe => Sessions.Answered(probe, TlsOffer.Tls12Rsa) && Sessions.Answered(probe, TlsOffer.Tls12Ecdsa));

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in context.Observation.MxHosts
        let addresses = host.Probes.Where(Refuses12).Select(probe => probe.Default.Address).ToList()
        where addresses.Count > 0
        select Kind.Found(Severity.Info, host.Host, $"{string.Join(", ", addresses)}: the server rejects sessions that offer TLS 1.2 alone, because of the version");

    private static bool Refuses12(MxProbeResult probe) =>
        probe.Default.Tls?.Protocol == "Tls13" && probe.Restricted.Any(IsOf12) && probe.Restricted.Where(IsOf12).All(session => session.Outcome == SmtpOutcome.TlsVersion);

    private static bool IsOf12(SmtpSession session) => session.Offer is TlsOffer.Tls12Rsa or TlsOffer.Tls12Ecdsa;
}
