using StsFunctions.Domains;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>A server without a TLS version that senders may use.</summary>
internal sealed class MxTlsVersion : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.version", "by mode", "neither TLS 1.2 nor TLS 1.3",
        "The server has neither TLS 1.2 nor TLS 1.3: under enforce, senders that honour the policy do not deliver to this server.",
        "Switch on TLS 1.2 and TLS 1.3 at the server, updating it if it is too old for them.",
        "RFC 8461 §7, RFC 8996 §4", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.TlsVersion).Select(found => Kind.Found(
        given.WhenRefused, found.Host.Host, Sessions.Shown(found.Sessions), $"The server has neither TLS 1.2 nor TLS 1.3: {given.Consequence}."));
}

/// <summary>A server without a cipher suite that senders may use.</summary>
internal sealed class MxTlsCipher : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.cipher", "by mode", "no cipher suite in common with a usual sender",
        "The server knows none of the cipher suites that senders offer: under enforce, senders that honour the policy do not deliver to this server.",
        "Allow the suites that everybody has, such as TLS_AES_128_GCM_SHA256 and TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (or ECDSA, by the kind of the certificate's key); see that certificate and key fit each other.",
        "RFC 9325 §4.2, RFC 8461 §4.2", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.TlsCipher).Select(found => Kind.Found(
        given.WhenRefused, found.Host.Host, Sessions.Shown(found.Sessions), $"The server knows none of the cipher suites that senders offer: {given.Consequence}."));
}

/// <summary>A server that knows nothing newer than TLS 1.2.</summary>
internal sealed class MxTlsOnly12 : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.only-12", "info", "TLS 1.2, and not TLS 1.3",
        "Mail is protected; the newer version would protect it better, and is what new senders expect to find first.",
        "Switch on TLS 1.3 at the server, beside TLS 1.2.",
        "RFC 9325 §3.1.1, RFC 8461 §7");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    // A server picks the newest version that both know, and 1.3 was offered.
    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, session => session.Tls?.Protocol == "Tls12").Select(found => Kind.Found(
        Severity.Info, found.Host.Host, string.Join("; ", found.Sessions.Select(session => $"{session.Address}: TLS 1.2, {session.Tls!.CipherSuite}"))));
}

/// <summary>A server that knows TLS 1.3 alone.</summary>
internal sealed class MxTlsOnly13 : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.tls.only-13", "info", "TLS 1.3, and not TLS 1.2",
        "Senders that know nothing newer than TLS 1.2, which the policy allows them, cannot deliver to this server.",
        "Switch on TLS 1.2 at the server, beside TLS 1.3.",
        "RFC 8461 §7");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given) && given.Seen.MxHosts.SelectMany(host => host.Looks)
        .Where(look => Sessions.IsReached(look.Session)).All(look => Sessions.Told(look, TlsOffer.Tls12Rsa) && Sessions.Told(look, TlsOffer.Tls12Ecdsa));

    public IEnumerable<Finding> Judge(Case given) =>
        from host in given.Seen.MxHosts
        let addresses = host.Looks.Where(Refuses12).Select(look => look.Session.Address).ToList()
        where addresses.Count > 0
        select Kind.Found(Severity.Info, host.Host, $"{string.Join(", ", addresses)}: sessions that offered TLS 1.2 alone were refused for their version");

    private static bool Refuses12(AddressLook look) =>
        look.Session.Tls?.Protocol == "Tls13" && look.Narrow.Any(IsOf12) && look.Narrow.Where(IsOf12).All(session => session.Outcome == SmtpOutcome.TlsVersion);

    private static bool IsOf12(SmtpSession session) => session.Offer is TlsOffer.Tls12Rsa or TlsOffer.Tls12Ecdsa;
}
