using StsFunctions.Domains;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>A certificate for another name.</summary>
internal sealed class MxCertificateName : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.name", "by mode", "a certificate for another name",
        "The certificate is not for the name in the MX record: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate whose subject alternative names contain the MX host's name; a CN alone does not count.",
        "RFC 8461 §4.1, RFC 9525 §6");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Certificates.NameFault(shown.Leaf, shown.Host) is { } fault ? new(given.WhenRefused, fault) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate is not for the name in the MX record: {given.Consequence}.",
            $"Install a certificate whose subject alternative names contain {host}; a CN alone does not count."));
}

/// <summary>A certificate that has ended.</summary>
internal sealed class MxCertificateExpired : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.expired", "by mode", "a certificate that has ended",
        "The certificate has expired: under enforce, senders that honour the policy do not deliver to this server.",
        "Renew the certificate of the MX host, let the mail server load it (a reload is often forgotten), and see why the renewal did not happen by itself.",
        "RFC 8461 §4.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => shown.Leaf.NotAfter() < given.Seen.At ? new(given.WhenRefused, $"expired {shown.Leaf.NotAfter():u}") : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate has expired: {given.Consequence}.",
            $"Renew the certificate of {host}, let the mail server load it (a reload is often forgotten), and see why the renewal did not happen by itself."));
}

/// <summary>A certificate that has not begun.</summary>
internal sealed class MxCertificateNotYetValid : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.not-yet-valid", "by mode", "a certificate that has not begun",
        "The certificate is not valid yet: under enforce, senders that honour the policy do not deliver to this server.",
        "Install the certificate that is valid now, and check the clock of the machine that issued this one.",
        "RFC 8461 §4.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => shown.Leaf.NotBefore() > given.Seen.At ? new(given.WhenRefused, $"valid only from {shown.Leaf.NotBefore():u}") : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence, $"The certificate is not valid yet: {given.Consequence}."));
}

/// <summary>A certificate that ends soon.</summary>
internal sealed class MxCertificateExpiring : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.expiring", "info, then warning, by mode at the end",
        "a certificate that ends soon: within 30, 14, 7, 3 and 1 days, or a fraction of its lifetime if that is short",
        "The certificate expires soon; once it has, senders that honour an enforced policy do not deliver to this server.",
        "Renew the certificate of the MX host and let the mail server load it. If renewal is automatic, it is late: look into its log.",
        "RFC 8461 §4.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Expiry.StageOf(shown.Leaf, given.Seen.At) is > 0 and var stage
            ? new(Expiry.SeverityOf(stage, given.WhenRefused), Expiry.Shown(shown.Leaf, given.Seen.At), stage)
            : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate expires soon; once it has, {given.Consequence}.",
            $"Renew the certificate of {host} and let the mail server load it. If renewal is automatic, it is late: look into its log.",
            fault.Stage));
}

/// <summary>A certificate signed by nobody but itself.</summary>
internal sealed class MxCertificateSelfSigned : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.self-signed", "by mode", "a certificate signed by nobody but itself",
        "Nobody vouches for the certificate but itself: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate of a CA that is publicly trusted, for the MX host's name: certbot certonly -d <MX host>, for example.",
        "RFC 8461 §4.1, RFC 5280 §6");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Trust.FaultOf(shown.Leaf, shown.Tls) is (TrustFault.SelfSigned, var evidence) ? new(given.WhenRefused, evidence) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"Nobody vouches for the certificate but itself: {given.Consequence}.",
            $"Install a certificate of a CA that is publicly trusted, for the MX host's name: certbot certonly -d {host}, for example."));
}

/// <summary>A server that leaves out what leads from its certificate to the root.</summary>
internal sealed class MxCertificateIntermediateMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.intermediate-missing", "by mode", "a server that does not send the intermediate certificate",
        "Senders cannot trace the certificate to a root that they trust, since the one in between is not sent: under enforce, senders that honour the policy do not deliver to this server. Browsers often hide this.",
        "Let the MX host send its whole chain; with most CAs the file is called fullchain. If the CA is your own, use one that is publicly trusted.",
        "RFC 8446 §4.4.2, RFC 8461 §4.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Trust.FaultOf(shown.Leaf, shown.Tls) is (TrustFault.IntermediateMissing, var evidence) ? new(given.WhenRefused, evidence) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"Senders cannot trace the certificate to a root that they trust, since the one in between is not sent: {given.Consequence}.",
            $"Let {host} send its whole chain; with most CAs the file is called fullchain. If the CA is your own, use one that is publicly trusted."));
}

/// <summary>A certificate that no trusted root stands behind.</summary>
internal sealed class MxCertificateUntrusted : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.untrusted", "by mode", "a certificate that no trusted root stands behind",
        "Senders cannot trace the certificate to a root that they trust: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate of a CA that is publicly trusted, and let the MX host send its whole chain; with most CAs the file is called fullchain.",
        "RFC 8461 §4.1, RFC 5280 §6");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Trust.FaultOf(shown.Leaf, shown.Tls) is (TrustFault.Untrusted, var evidence) ? new(given.WhenRefused, evidence) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"Senders cannot trace the certificate to a root that they trust: {given.Consequence}.",
            $"Install a certificate of a CA that is publicly trusted, and let {host} send its whole chain; with most CAs the file is called fullchain."));
}

/// <summary>A certificate that is not meant for a server.</summary>
internal sealed class MxCertificateUsage : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.usage", "by mode", "a certificate whose extended key usage leaves servers out",
        "The certificate says that it is not for TLS servers: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate whose extended key usage contains serverAuth (1.3.6.1.5.5.7.3.1), as those for web servers have it.",
        "RFC 5280 §4.2.1.12, RFC 8461 §4.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Certificates.UsageFault(shown.Leaf) is { } fault ? new(given.WhenRefused, fault) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence, $"The certificate says that it is not for TLS servers: {given.Consequence}."));
}

/// <summary>A key that can be broken, or that few senders can use.</summary>
internal sealed class MxCertificateWeakKey : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.weak-key", "warning, info in none", "a certificate with a key that is too short, or of a kind that few senders know",
        "Some senders refuse such a key, and whoever breaks it reads the mail.",
        "Issue the certificate anew with an ECDSA key on P-256, or an RSA key of 2048 bits or more.",
        "RFC 9325 §4.5");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Certificates.Signed(shown).Select(Certificates.KeyFault).FirstOrDefault(fault => fault is not null) is { } fault ? new(given.WhenSomeRefuse, fault) : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence));
}

/// <summary>A signature that can be forged.</summary>
internal sealed class MxCertificateWeakSignature : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.weak-signature", "warning, info in none", "a certificate signed with SHA-1 or MD5",
        "Many senders refuse such a signature, since it can be forged.",
        "Have the certificate issued anew; no public CA signs with SHA-1 any more. If an intermediate is meant, the CA has a newer one: send that.",
        "RFC 9325 §4.5, RFC 9155 §2");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Certificates.Signed(shown).Select(Certificates.SignatureFault).FirstOrDefault(fault => fault is not null) is { } fault ? new(given.WhenSomeRefuse, fault) : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence));
}

/// <summary>A chain that does not come in its order.</summary>
internal sealed class MxCertificateMisordered : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.misordered", "info", "a chain that is not sent in its order",
        "Senders sort it for themselves, as TLS 1.3 asks them to; some old ones cannot.",
        "Put the file in order: the server's own certificate first, then each one that signs the one before it; the root may be left out.",
        "RFC 8446 §4.4.2, RFC 5246 §7.4.2");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        shown => Certificates.OrderFault(shown.Tls) is { } fault ? new(Severity.Info, fault) : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence));
}

/// <summary>A second certificate, for senders that cannot use the first, which is bad.</summary>
internal sealed class MxCertificateSecondBad : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.second", "warning, info in none", "of an RSA and an ECDSA certificate, the one that most senders do not see is bad",
        "Senders that cannot use the first certificate are shown this one, and refuse it where the policy asks for it.",
        "Renew both certificates together: each of them needs its own entry in the renewal and in the mail server's configuration.",
        "RFC 8461 §4.1, RFC 8446 §4.4.2.2");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given)
        && given.Seen.MxHosts.SelectMany(host => host.Looks).Where(look => Sessions.IsReached(look.Session)).All(look =>
            Sessions.Told(look, TlsOffer.Tls12Rsa) && Sessions.Told(look, TlsOffer.Tls12Ecdsa));

    public IEnumerable<Finding> Judge(Case given) =>
        from host in given.Seen.MxHosts
        let faults = host.Looks.SelectMany(look => FaultsOf(given, host.Host, look)).Distinct().ToList()
        where faults.Count > 0
        select Kind.Found(given.WhenSomeRefuse, host.Host, string.Join("; ", faults));

    private static IEnumerable<string> FaultsOf(Case given, string host, AddressLook look)
    {
        // These sessions are made once a day: what was bad then is said, and not what may have become of it since.
        var at = look.NarrowAt ?? given.Seen.At;
        var first = Certificates.Leaf(look.Session.Tls);
        return
            from session in look.Narrow
            where session.Tls is not null
            let leaf = Certificates.Leaf(session.Tls)
            where first is not null && leaf is not null && !leaf.RawDataMemory.Span.SequenceEqual(first.RawDataMemory.Span)
            let fault = Certificates.RefusalOf(leaf, session.Tls!, host, at)
            where fault is not null
            select $"{session.Address}: the {Certificates.KeyName(leaf)} certificate {fault}";
    }
}

/// <summary>One host whose addresses show different certificates.</summary>
internal sealed class MxCertificatesDiffer : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.differs", "info", "the addresses of one MX host show different certificates",
        "Each is judged by itself; where they are renewed apart, one is easily forgotten.",
        "If this is not meant, roll the same certificate out to every machine behind the name.",
        "RFC 8461 §4.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) =>
        from host in Certificates.Of(given).GroupBy(shown => shown.Host)
        let kinds = host.GroupBy(shown => shown.Leaf.Thumbprint).ToList()
        where kinds.Count > 1
        select Kind.Found(Severity.Info, host.Key, string.Join("; ", kinds.Select(same =>
            $"{string.Join(", ", same.Select(shown => shown.Session.Address))}: serial {same.First().Leaf.SerialNumber}, until {same.First().Leaf.NotAfter():u}")));
}
