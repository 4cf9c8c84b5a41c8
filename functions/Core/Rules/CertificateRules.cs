using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Rules;

/// <summary>A certificate for another name.</summary>
internal sealed class MxCertificateName : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.name-mismatch", "by mode", "a certificate that is not for the MX host name",
        "The certificate is not for the name in the MX record: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate whose subject alternative names contain the MX host name; a CN alone does not count.",
        "RFC 8461 §4.1, RFC 9525 §6");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Certificates.NameFault(certificate.Leaf, certificate.Host) is { } fault ? new(context.SeverityIfRejected, fault) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate is not for the name in the MX record: {context.Consequence}.",
            $"Install a certificate whose subject alternative names contain {host}; a CN alone does not count."));
}

/// <summary>A certificate that has expired.</summary>
internal sealed class MxCertificateExpired : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.expired", "by mode", "a certificate that has expired",
        "The certificate has expired: under enforce, senders that honour the policy do not deliver to this server.",
        "Renew the certificate of the MX host, reload the mail server so that it uses the new one, and find out why the automatic renewal failed.",
        "RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => certificate.Leaf.NotAfter() < context.Observation.At ? new(context.SeverityIfRejected, $"expired {certificate.Leaf.NotAfter():u}") : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate has expired: {context.Consequence}.",
            $"Renew the certificate of {host}, reload the mail server so that it uses the new one, and find out why the automatic renewal failed."));
}

/// <summary>A certificate that is not valid yet.</summary>
internal sealed class MxCertificateNotYetValid : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.not-yet-valid", "by mode", "a certificate that is not valid yet",
        "The certificate is not valid yet: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate that is valid now, and check the clock of the machine that issued this one.",
        "RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => certificate.Leaf.NotBefore() > context.Observation.At ? new(context.SeverityIfRejected, $"valid only from {certificate.Leaf.NotBefore():u}") : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence, $"The certificate is not valid yet: {context.Consequence}."));
}

/// <summary>A certificate that expires soon.</summary>
internal sealed class MxCertificateExpiring : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.expiring", "info, then warning, by mode at the end",
        "a certificate that expires soon: within 30, 14, 7, 3 or 1 days, or within a fraction of its lifetime if that is short",
        "The certificate expires soon; after that, senders that honour an enforced policy do not deliver to this server.",
        "Renew the certificate of the MX host and reload the mail server. If renewal is automatic, it is late: check its log.",
        "RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Expiry.StageOf(certificate.Leaf, context.Observation.At) is > 0 and var stage
            ? new(Expiry.SeverityOf(stage, context.SeverityIfRejected), Expiry.Describe(certificate.Leaf, context.Observation.At), stage)
            : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate expires soon; after that, {context.Consequence}.",
            $"Renew the certificate of {host} and reload the mail server. If renewal is automatic, it is late: check its log.",
            fault.Stage));
}

/// <summary>A self-signed certificate.</summary>
internal sealed class MxCertificateSelfSigned : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.self-signed", "by mode", "a self-signed certificate",
        "The certificate is self-signed, and no trusted CA issued it: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate from a publicly trusted CA for the MX host name: certbot certonly -d <MX host>, for example.",
        "RFC 8461 §4.1, RFC 5280 §6");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Trust.FaultOf(certificate.Leaf, certificate.Tls) is (TrustFault.SelfSigned, var evidence) ? new(context.SeverityIfRejected, evidence) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate is self-signed, and no trusted CA issued it: {context.Consequence}.",
            $"Install a certificate from a publicly trusted CA for the MX host name: certbot certonly -d {host}, for example."));
}

/// <summary>A server that does not send the intermediate certificate.</summary>
internal sealed class MxCertificateIntermediateMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.intermediate-missing", "by mode", "a server that does not send the intermediate certificate",
        "The server does not send the intermediate certificate, so senders cannot build a chain to a root that they trust: under enforce, senders that honour the policy do not deliver to this server. Browsers often hide this fault, because they fetch or cache intermediate certificates.",
        "Configure the MX host to send its whole chain; most ACME clients call the file fullchain. If the CA is private, use a publicly trusted one.",
        "RFC 8446 §4.4.2, RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Trust.FaultOf(certificate.Leaf, certificate.Tls) is (TrustFault.IntermediateMissing, var evidence) ? new(context.SeverityIfRejected, evidence) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The server does not send the intermediate certificate, so senders cannot build a chain to a root that they trust: {context.Consequence}.",
            $"Configure {host} to send its whole chain; most ACME clients call the file fullchain. If the CA is private, use a publicly trusted one."));
}

/// <summary>A certificate that does not chain to a trusted root.</summary>
internal sealed class MxCertificateUntrusted : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.untrusted", "by mode", "a certificate that does not chain to a trusted root",
        "The certificate does not chain to a root that senders trust: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate from a publicly trusted CA, and configure the MX host to send its whole chain; most ACME clients call the file fullchain.",
        "RFC 8461 §4.1, RFC 5280 §6");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Trust.FaultOf(certificate.Leaf, certificate.Tls) is (TrustFault.Untrusted, var evidence) ? new(context.SeverityIfRejected, evidence) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence,
            $"The certificate does not chain to a root that senders trust: {context.Consequence}.",
            $"Install a certificate from a publicly trusted CA, and configure {host} to send its whole chain; most ACME clients call the file fullchain."));
}

/// <summary>A certificate that is not for TLS servers.</summary>
internal sealed class MxCertificateUsage : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.usage", "by mode", "a certificate whose extended key usage does not include TLS servers",
        "The extended key usage of the certificate does not include TLS servers: under enforce, senders that honour the policy do not deliver to this server.",
        "Install a certificate whose extended key usage contains serverAuth (1.3.6.1.5.5.7.3.1), as certificates for web servers do.",
        "RFC 5280 §4.2.1.12, RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Certificates.UsageFault(certificate.Leaf) is { } fault ? new(context.SeverityIfRejected, fault) : null,
        (host, fault) => Kind.Found(
            fault.Severity, host, fault.Evidence, $"The extended key usage of the certificate does not include TLS servers: {context.Consequence}."));
}

/// <summary>A key that an attacker could break, or that few senders support.</summary>
internal sealed class MxCertificateWeakKey : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.weak-key", "warning, info in none", "a certificate with a key that is too short, or of a type that few senders support",
        "Some senders reject such a key, and an attacker who breaks it can impersonate the server.",
        "Get a new certificate with an ECDSA key on P-256, or an RSA key of 2048 bits or more.",
        "RFC 9325 §4.5");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Certificates.Signed(certificate).Select(Certificates.KeyFault).FirstOrDefault(fault => fault is not null) is { } fault ? new(context.SeverityIfSomeReject, fault) : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence));
}

/// <summary>A signature that an attacker could forge.</summary>
internal sealed class MxCertificateWeakSignature : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.weak-signature", "warning, info in none", "a certificate signed with SHA-1 or MD5",
        "Many senders reject such a signature, because an attacker could forge it.",
        "Get a new certificate; no public CA signs with SHA-1 any more. If this finding names an intermediate certificate, replace it with the CA's newer one.",
        "RFC 9325 §4.5, RFC 9155 §2");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Certificates.Signed(certificate).Select(Certificates.SignatureFault).FirstOrDefault(fault => fault is not null) is { } fault ? new(context.SeverityIfSomeReject, fault) : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence));
}

/// <summary>A chain in the wrong order.</summary>
internal sealed class MxCertificateMisordered : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.misordered", "info", "a server that sends its certificate chain in the wrong order",
        "Most senders sort the chain, as TLS 1.3 recommends; some old ones cannot and reject it.",
        "Put the certificates in this order: the server's own first, then its issuer, then the issuer of that one, and so on. You can leave out the root.",
        "RFC 8446 §4.4.2, RFC 5246 §7.4.2");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Certificates.PerHost(
        context,
        certificate => Certificates.OrderFault(certificate.Tls) is { } fault ? new(Severity.Info, fault) : null,
        (host, fault) => Kind.Found(fault.Severity, host, fault.Evidence));
}

/// <summary>A second certificate, for senders that cannot use the first, that is not valid.</summary>
internal sealed class MxCertificateAlternate : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.alternate", "warning, info in none", "a server with an RSA and an ECDSA certificate, where the one that fewer senders use is not valid",
        "Senders that cannot use the first certificate get this one; those that honour an enforced policy reject it and do not deliver to this server.",
        "Renew both certificates together: each needs its own entry in the renewal and in the mail server's configuration.",
        "RFC 8461 §4.1, RFC 8446 §4.4.2.2");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context)
        && context.Observation.MxHosts.SelectMany(host => host.Probes).Where(probe => Sessions.IsReached(probe.Default)).All(probe =>
            Sessions.Answered(probe, TlsOffer.Tls12Rsa) && Sessions.Answered(probe, TlsOffer.Tls12Ecdsa));

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in context.Observation.MxHosts
        let faults = host.Probes.SelectMany(probe => FaultsOf(context, host.Host, probe)).Distinct().ToList()
        where faults.Count > 0
        select Kind.Found(context.SeverityIfSomeReject, host.Host, string.Join("; ", faults));

    private static IEnumerable<string> FaultsOf(RuleContext context, string host, MxProbeResult probe)
    {
        // These sessions run once a day: the certificate is evaluated as of then, not as of now.
        var at = probe.RestrictedAt ?? context.Observation.At;
        var first = Certificates.Leaf(probe.Default.Tls);
        return
            from session in probe.Restricted
            where session.Tls is not null
            let leaf = Certificates.Leaf(session.Tls)
            where first is not null && leaf is not null && !leaf.RawDataMemory.Span.SequenceEqual(first.RawDataMemory.Span)
            let fault = Certificates.RefusalOf(leaf, session.Tls!, host, at)
            where fault is not null
            select $"{session.Address}: the {Certificates.KeyName(leaf)} certificate {fault}";
    }
}

/// <summary>One host whose addresses present different certificates.</summary>
internal sealed class MxCertificatesDiffer : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.certificate.inconsistent", "info", "the addresses of one MX host present different certificates",
        "No mail is at risk now; if the certificates are renewed separately, one of them can expire unnoticed.",
        "If this is not intended, install the same certificate on every machine behind the name.",
        "RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in Certificates.Of(context).GroupBy(certificate => certificate.Host)
        let kinds = host.GroupBy(certificate => certificate.Leaf.Thumbprint).ToList()
        where kinds.Count > 1
        select Kind.Found(Severity.Info, host.Key, string.Join("; ", kinds.Select(same =>
            $"{string.Join(", ", same.Select(certificate => certificate.Session.Address))}: serial {same.First().Leaf.SerialNumber}, valid until {same.First().Leaf.NotAfter():u}")));
}
