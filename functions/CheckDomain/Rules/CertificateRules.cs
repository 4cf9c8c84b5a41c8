using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>What the rules about certificates share.</summary>
internal static class Certificates
{
    /// <summary>Every certificate that a host showed, with the addresses that showed it.</summary>
    public static IEnumerable<(string Host, X509Certificate2 Certificate, IReadOnlyList<SmtpSession> Sessions)> Of(Case given) =>
        from host in given.Seen.MxHosts
        from shown in host.Sessions.Where(session => session.Tls is not null).GroupBy(session => Convert.ToHexString(SHA256.HashData(session.Tls!.Chain[0])))
        select (host.Host, X509CertificateLoader.LoadCertificate(shown.First().Tls!.Chain[0]), (IReadOnlyList<SmtpSession>)shown.ToList());

    /// <summary>The earliest end of any certificate that was shown, or null.</summary>
    public static DateTimeOffset? NextExpiry(Case given) => Of(given).Select(shown => (DateTimeOffset?)shown.Certificate.NotAfter()).Min();

    /// <summary>A finding a host, whichever of its addresses and certificates are at fault.</summary>
    public static IEnumerable<Finding> PerHost(
        Case given,
        Func<string, X509Certificate2, IReadOnlyList<SmtpSession>, (Severity Severity, string Evidence)?> fault,
        Func<string, Severity, string, Finding> finding) =>
        Of(given)
            .Select(shown => (shown.Host, Fault: fault(shown.Host, shown.Certificate, shown.Sessions), Addresses: string.Join(", ", shown.Sessions.Select(s => s.Address))))
            .Where(judged => judged.Fault is not null)
            .GroupBy(judged => judged.Host)
            .Select(host => finding(
                host.Key,
                host.Max(judged => judged.Fault!.Value.Severity),
                string.Join("; ", host.Select(judged => $"{judged.Addresses}: {judged.Fault!.Value.Evidence}"))));

    /// <summary>UTC start and end, since X509Certificate2 speaks local time.</summary>
    public static DateTimeOffset NotBefore(this X509Certificate2 certificate) => certificate.NotBefore.ToUniversalTime();

    /// <inheritdoc cref="NotBefore"/>
    public static DateTimeOffset NotAfter(this X509Certificate2 certificate) => certificate.NotAfter.ToUniversalTime();

    /// <summary>Whether a certificate is for a host, by a DNS name of its SAN (RFC 9525 §6.3); a host that is no DNS name has none.</summary>
    public static bool IsFor(X509Certificate2 certificate, string host) =>
        Uri.CheckHostName(host) == UriHostNameType.Dns && certificate.MatchesHostname(host, allowWildcards: true, allowCommonName: false);

    /// <summary>The names that count: DNS names of the SAN (RFC 6125 §6.4.4; the CN does not count).</summary>
    public static string NamesOf(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(san => san.EnumerateDnsNames()).Take(20).ToList();
        return names is [] ? "no DNS name at all" : string.Join(", ", names);
    }
}

/// <summary>A certificate for another name.</summary>
internal sealed class MxCertificateName : IRule
{
    public string Code => "mx.certificate.name";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        (host, certificate, _) => Certificates.IsFor(certificate, host)
            ? null
            : (given.WhenRefused, $"the certificate is for {Certificates.NamesOf(certificate)}"),
        (host, severity, evidence) => new Finding(
            Code, severity, host, evidence,
            $"The certificate is not for the name in the MX record: {given.Consequence}.",
            $"Install a certificate whose subject alternative names contain {host}; a CN alone does not count.",
            "RFC 8461 §4.1, RFC 9525 §6"));
}

/// <summary>A certificate that has ended.</summary>
internal sealed class MxCertificateExpired : IRule
{
    public string Code => "mx.certificate.expired";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        (_, certificate, _) => certificate.NotAfter() < given.Seen.At ? (given.WhenRefused, $"expired {certificate.NotAfter():u}") : null,
        (host, severity, evidence) => new Finding(
            Code, severity, host, evidence,
            $"The certificate has expired: {given.Consequence}.",
            $"Renew the certificate of {host}, let the mail server load it (a reload is often forgotten), and see why the renewal did not happen by itself.",
            "RFC 8461 §4.1"));
}

/// <summary>A certificate that has not begun.</summary>
internal sealed class MxCertificateNotYetValid : IRule
{
    public string Code => "mx.certificate.not-yet-valid";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        (_, certificate, _) => certificate.NotBefore() > given.Seen.At ? (given.WhenRefused, $"valid only from {certificate.NotBefore():u}") : null,
        (host, severity, evidence) => new Finding(
            Code, severity, host, evidence,
            $"The certificate is not valid yet: {given.Consequence}.",
            "Install the certificate that is valid now, and check the clock of the machine that issued this one.",
            "RFC 8461 §4.1"));
}

/// <summary>A certificate that ends soon.</summary>
internal sealed class MxCertificateExpiring : IRule
{
    public string Code => "mx.certificate.expiring";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        (_, certificate, _) => SeverityOf(given, certificate) is { } severity
            ? (severity, $"expires {certificate.NotAfter():u}, in {(certificate.NotAfter() - given.Seen.At).TotalDays:0} days")
            : null,
        (host, severity, evidence) => new Finding(
            Code, severity, host, evidence,
            $"The certificate expires soon; once it has, {given.Consequence}.",
            $"Renew the certificate of {host} and let the mail server load it. If renewal is automatic, it is late: look into its log.",
            "RFC 8461 §4.1"));

    // A short-lived certificate is renewed late as a matter of course, so its own lifetime bounds each threshold.
    private static Severity? SeverityOf(Case given, X509Certificate2 certificate)
    {
        var left = certificate.NotAfter() - given.Seen.At;
        var lifetime = certificate.NotAfter() - certificate.NotBefore();
        if (left < TimeSpan.Zero)
        {
            return null;
        }

        return left < Least(TimeSpan.FromDays(2), lifetime / 12) ? given.WhenRefused
            : left < Least(TimeSpan.FromDays(14), lifetime / 5) ? Least(Severity.Warning, given.WhenRefused)
            : left < Least(TimeSpan.FromDays(30), lifetime / 4) ? Severity.Info
            : null;
    }

    private static T Least<T>(T a, T b)
        where T : IComparable => a.CompareTo(b) < 0 ? a : b;
}

/// <summary>A certificate that no trusted root stands behind.</summary>
internal sealed class MxCertificateUntrusted : IRule
{
    public string Code => "mx.certificate.untrusted";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given);

    public IEnumerable<Finding> Judge(Case given) => Certificates.PerHost(
        given,
        (_, certificate, sessions) => sessions.SelectMany(s => s.Tls!.Trust).Distinct().ToList() is { Count: > 0 } reasons
            ? (given.WhenRefused, Evidence(certificate, sessions, reasons))
            : null,
        (host, severity, evidence) => new Finding(
            Code, severity, host, evidence,
            $"Senders cannot trace the certificate to a root that they trust: {given.Consequence}.",
            $"Let {host} send its whole chain (with most CAs the file is called fullchain), from a CA that is publicly trusted; a self-signed certificate does not count.",
            "RFC 8461 §4.1, RFC 5280 §6"));

    private static string Evidence(X509Certificate2 certificate, IReadOnlyList<SmtpSession> sessions, IReadOnlyList<string> reasons)
    {
        var selfSigned = certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
        var sent = sessions.Max(s => s.Tls!.Chain.Count);
        return selfSigned
            ? "the certificate is self-signed"
            : $"issued by {certificate.Issuer}; {sent} certificate(s) sent; {string.Join(", ", reasons)}";
    }
}
