using System.Globalization;
using System.Security.Authentication;

namespace StsFunctions.Local.Lab;

/// <summary>Every server of the lab and its state, one line each.</summary>
internal sealed class ServerRegistry(MailLab lab, TimeProvider time)
{
    public override string ToString()
    {
        var lines = lab.Hosts.SelectMany(host => host.Servers).Select(Line).Concat(lab.PolicyHosts.Select(Line));
        return string.Join(Environment.NewLine, lines) is { Length: > 0 } text ? text : "There are no servers yet.";
    }

    private string Line(SmtpServer server) => Line(server, server.Script.OffersStartTls ? "STARTTLS" : "plain", Oddities(server.Script));

    private string Line(PolicyHost host) => Line(host, "HTTPS", Oddities(host.Script));

    private string Line(ILabServer server, string kind, IEnumerable<string> oddities) => string.Create(
        CultureInfo.InvariantCulture,
        $"{server.HostName,-32} {server.EndPoint,-22} {(server.IsListening ? "up" : "down"),-5} {kind,-9} {string.Join("; ", server.Certificates.Select(Describe).Concat(oddities))}");

    private string Describe(IssuedCertificate certificate)
    {
        var left = certificate.Leaf.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime;
        List<string> facts =
        [
            string.Join(' ', certificate.Spec.DnsNames),
            left < TimeSpan.Zero ? "expired" : string.Create(CultureInfo.InvariantCulture, $"{(int)left.TotalDays} days left"),
        ];
        if (certificate.Spec.Key == KeyKind.Rsa)
        {
            facts.Add("RSA");
        }

        if (certificate.Spec.Signer != CertificateSigner.Intermediate)
        {
            facts.Add(certificate.Spec.Signer == CertificateSigner.Itself ? "self-signed" : "signed by an untrusted CA");
        }

        if (certificate.Spec.Sends != SentChain.InOrder)
        {
            facts.Add(certificate.Spec.Sends == SentChain.LeafOnly ? "no intermediate" : "misordered");
        }

        return string.Join(", ", facts);
    }

    private static IEnumerable<string> Oddities(SmtpScript script)
    {
        if (script.Banner is not null)
        {
            yield return $"greets with {script.Banner}";
        }

        if (script.StartTlsAnswer != SmtpScript.Good.StartTlsAnswer)
        {
            yield return $"answers STARTTLS with {script.StartTlsAnswer}";
        }

        if (script.Injection is not null)
        {
            yield return "plain text after STARTTLS";
        }

        if (script.Protocols != SmtpScript.Good.Protocols)
        {
            yield return script.Protocols == SslProtocols.Tls12 ? "TLS 1.2 only" : "TLS 1.3 only";
        }

        if (script.OneByteAtATime)
        {
            yield return "one byte at a time";
        }

        if (script.Fault is { } fault)
        {
            yield return $"{fault.Kind} at {fault.Stage}";
        }
    }

    private static IEnumerable<string> Oddities(PolicyScript script)
    {
        if (script.Status != 200)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"status {script.Status}");
        }

        if (script.MediaType != PolicyScript.Good.MediaType)
        {
            yield return script.MediaType ?? "no media type";
        }

        if (script.Body is not null)
        {
            yield return "another policy";
        }

        if (script.PaddedTo > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{script.PaddedTo} bytes");
        }

        if (script.FirstByteAfter != TimeSpan.Zero || script.BetweenBytes != TimeSpan.Zero)
        {
            yield return script.FirstByteAfter == Timeout.InfiniteTimeSpan ? "silent" : "slow";
        }

        if (script.CutsOff)
        {
            yield return "cuts off";
        }
    }
}
