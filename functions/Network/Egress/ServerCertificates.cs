using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Core.Observations;

namespace StsFunctions.Network.Egress;

/// <summary>The certificates that a remote server sent in TLS, and their validation.</summary>
/// <param name="Sent">The certificates, DER, in the order in which they were sent; the server's own is the first.</param>
/// <param name="Built">The chain built from them, DER, from the server's own up.</param>
/// <param name="Faults">Why that chain is not trusted, other than the dates of the server's own; empty if it is.</param>
internal sealed record ServerCertificates(IReadOnlyList<byte[]> Sent, IReadOnlyList<byte[]> Built, IReadOnlyList<string> Faults)
{
    /// <summary>The longest certificate, in bytes. A real one has one to eight KB, with a thousand names thirty; OpenSSL accepts 100 KiB for all together.</summary>
    public const int MaxCertificateBytes = 64 * 1024;

    /// <summary>The fault of certificates that .NET cannot build a chain from: OpenSSL rejects them for a reason without a name in .NET.</summary>
    public const string NoChain = "OpenSSL accepts no chain of the certificates that the server sends: more than 100 are above its own, or one of them has content that is not allowed";

    // A subject may be as long as a handshake, and a fault appears in findings and mails.
    private const int MaxSubject = 200;

    /// <summary>The number of sent certificates; it may exceed <see cref="TlsSession.MaxCertificates"/>, the number of stored ones.</summary>
    public int Count { get; init; } = Sent.Count;

    /// <summary>The number of sent certificates if not all are stored; otherwise null.</summary>
    public int? CountIfCut => Count > Sent.Count ? Count : null;

    /// <summary>Copies the certificates of a handshake's callback, which are disposed with the stream. Nothing is copied if the server's own certificate is too long.</summary>
    public static ServerCertificates Of(X509Certificate certificate, X509Chain chain)
    {
        var own = certificate.GetRawCertData();
        // ExtraStore is the list as OpenSSL received it; on a platform that separates the server's own, it holds the others.
        var store = chain.ChainPolicy.ExtraStore;
        var others = store.Count > 0 && store[0].RawDataMemory.Span.SequenceEqual(own) ? store.Skip(1).ToList() : [.. store];
        if (own.Length > MaxCertificateBytes)
        {
            return new ServerCertificates([], [], [$"the server's certificate has more than {MaxCertificateBytes} bytes"]) { Count = others.Count + 1 };
        }

        List<byte[]> sent = [own, .. others.Take(TlsSession.MaxCertificates - 1).Select(one => one.RawData).Where(raw => raw.Length <= MaxCertificateBytes)];
        return Of(chain, sent) with { Count = others.Count + 1 };
    }

    /// <summary>Validates the certificates that another client received; that client's own validation does not count.</summary>
    /// <param name="sent">The certificates, DER, the server's own first; those beyond <see cref="TlsSession.MaxCertificates"/> are ignored.</param>
    /// <param name="policy">The validation policy.</param>
    /// <exception cref="CryptographicException">One of them is not a certificate.</exception>
    public static ServerCertificates Rebuilt(IReadOnlyList<byte[]> sent, X509ChainPolicy policy)
    {
        var certificates = new List<X509Certificate2>();
        try
        {
            certificates.AddRange(sent.Take(TlsSession.MaxCertificates).Select(raw => X509CertificateLoader.LoadCertificate(raw)));
            IReadOnlyList<byte[]> stored = [.. certificates.Select(certificate => certificate.RawData)];
            using var chain = new X509Chain { ChainPolicy = policy };
            policy.ExtraStore.AddRange(certificates.Skip(1).ToArray());
            if (!TryBuild(chain, certificates[0]))
            {
                return new ServerCertificates(stored, stored.Take(1).ToList(), [NoChain]) { Count = sent.Count };
            }

            var rebuilt = Of(chain, stored) with { Count = sent.Count };
            foreach (var element in chain.ChainElements)
            {
                element.Certificate.Dispose();
            }

            return rebuilt;
        }
        finally
        {
            certificates.ForEach(certificate => certificate.Dispose());
        }
    }

    // It throws if OpenSSL gives a reason that .NET does not know, such as a chain that is too long.
    private static bool TryBuild(X509Chain chain, X509Certificate2 certificate)
    {
        try
        {
            chain.Build(certificate);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static ServerCertificates Of(X509Chain chain, IReadOnlyList<byte[]> sent)
    {
        var faults = chain.ChainElements.SelectMany((element, depth) => element.ChainElementStatus
            .Where(status => depth > 0 || status.Status != X509ChainStatusFlags.NotTimeValid)
            .Select(status => $"{status.Status}: {SubjectOf(element.Certificate)}"));
        return new ServerCertificates(sent, [.. chain.ChainElements.Take(TlsSession.MaxCertificates).Select(element => element.Certificate.RawData)], [.. faults.Distinct()]);
    }

    private static string SubjectOf(X509Certificate2 certificate)
    {
        try
        {
            return Cut(certificate.Subject);
        }
        catch (CryptographicException)
        {
            return "(a subject that cannot be read)";
        }
    }

    private static string Cut(string subject) => subject.Length <= MaxSubject ? subject : subject[..MaxSubject] + "…";
}
