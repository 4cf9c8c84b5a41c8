using System.Net;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Local.Lab;

namespace StsFunctions.Tests.RealServers;

/// <summary>Which versions of TLS a mail server speaks.</summary>
internal enum TlsVersions
{
    /// <summary>1.2 and 1.3, as it comes.</summary>
    Current,

    /// <summary>1.2 alone.</summary>
    Tls12,

    /// <summary>1.1 alone, which no sender takes any more (RFC 8996).</summary>
    Tls11,
}

/// <summary>How one MX host is set up.</summary>
/// <param name="Host">Its name.</param>
/// <param name="Address">Its address.</param>
/// <param name="Certificates">What it has to show; with none it does no TLS.</param>
internal sealed record MailServer(string Host, IPAddress Address, IReadOnlyList<IssuedCertificate> Certificates)
{
    /// <summary>Which versions of TLS it speaks.</summary>
    public TlsVersions Versions { get; init; } = TlsVersions.Current;

    /// <summary>Whether the files of its certificates are gone, as after a renewal that went wrong.</summary>
    public bool CertificatesGone { get; init; }

    /// <summary>A second address that it listens at, or null.</summary>
    public IPAddress? SecondAddress { get; init; }

    /// <summary>All that it listens at.</summary>
    public IEnumerable<IPAddress> Addresses => SecondAddress is null ? [Address] : [Address, SecondAddress];

    /// <summary>Writes each certificate into a PEM file: the key, the leaf, and exactly what is to be sent after it.</summary>
    /// <returns>The files, which are not there where they are to be gone.</returns>
    public IReadOnlyList<string> WriteCertificates(string folder) => [.. Certificates.Select((certificate, n) =>
    {
        var file = Path.Combine(folder, $"{Host}-{n}.pem");
        if (!CertificatesGone) { File.WriteAllText(file, string.Join('\n', certificate.Chain.Select(issuer => issuer.ExportCertificatePem()).Prepend(certificate.Leaf.ExportCertificatePem()).Prepend(KeyOf(certificate.Leaf))) + "\n"); } return file;
    })];

    private static string KeyOf(X509Certificate2 leaf)
    {
        using System.Security.Cryptography.AsymmetricAlgorithm key = leaf.GetECDsaPrivateKey() is { } ecdsa ? ecdsa : leaf.GetRSAPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }
}
