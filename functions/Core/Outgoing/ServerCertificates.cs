using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Outgoing;

/// <summary>What a server out there showed of itself in TLS, and what was made of it.</summary>
/// <param name="Sent">The certificates, DER, in the order in which they came; the server's own is the first.</param>
/// <param name="Built">The chain that was built of them, DER, from the server's own up.</param>
/// <param name="Faults">Why that chain is not trusted, other than by the dates of the server's own; empty when it is.</param>
internal sealed record ServerCertificates(IReadOnlyList<byte[]> Sent, IReadOnlyList<byte[]> Built, IReadOnlyList<string> Faults)
{
    /// <summary>
    /// How many certificates of a server are kept. A public CA's chain has two to five; Postfix verifies 9 above the server's own by
    /// default, GnuTLS 16: no sender makes use of more.
    /// </summary>
    public const int MaxCertificates = 32;

    /// <summary>How long one certificate may be, in bytes. A real one has one to eight KB, with a thousand names in it thirty; OpenSSL takes 100 KiB for all together.</summary>
    public const int MaxCertificateBytes = 64 * 1024;

    /// <summary>What is said of certificates that .NET cannot build a chain of: OpenSSL refuses them for a reason that .NET has no name for.</summary>
    public const string NoChain = "OpenSSL accepts no chain of the certificates that the server sends: more than 100 stand above its own, or one of them holds what is not allowed there";

    // A subject may be as long as a handshake, and a fault names it in findings and mails.
    private const int MaxSubject = 200;

    /// <summary>How many certificates came; more than are kept where there were more than <see cref="MaxCertificates"/>.</summary>
    public int Count { get; init; } = Sent.Count;

    /// <summary>How many came, where that is more than are kept; null otherwise.</summary>
    public int? CountIfCut => Count > Sent.Count ? Count : null;

    /// <summary>Copies what a handshake's callback is given: it is gone with the stream. Nothing is kept where the server's own certificate is too long.</summary>
    public static ServerCertificates Of(X509Certificate certificate, X509Chain chain)
    {
        var own = certificate.GetRawCertData();
        // ExtraStore is the list as OpenSSL received it; a platform that keeps the server's own apart has the others there.
        var store = chain.ChainPolicy.ExtraStore;
        var others = store.Count > 0 && store[0].RawDataMemory.Span.SequenceEqual(own) ? store.Skip(1).ToList() : [.. store];
        if (own.Length > MaxCertificateBytes)
        {
            return new ServerCertificates([], [], [$"the server's certificate has more than {MaxCertificateBytes} bytes"]) { Count = others.Count + 1 };
        }

        List<byte[]> sent = [own, .. others.Take(MaxCertificates - 1).Select(one => one.RawData).Where(raw => raw.Length <= MaxCertificateBytes)];
        return Of(chain, sent) with { Count = others.Count + 1 };
    }

    /// <summary>The same for a chain that somebody else was sent: what they made of it does not count.</summary>
    /// <param name="sent">The certificates, DER, the server's own first; of more than <see cref="MaxCertificates"/> the rest is left out.</param>
    /// <param name="policy">How they are judged.</param>
    /// <exception cref="CryptographicException">One of them is no certificate.</exception>
    public static ServerCertificates Rebuilt(IReadOnlyList<byte[]> sent, X509ChainPolicy policy)
    {
        var certificates = new List<X509Certificate2>();
        try
        {
            certificates.AddRange(sent.Take(MaxCertificates).Select(raw => X509CertificateLoader.LoadCertificate(raw)));
            IReadOnlyList<byte[]> kept = [.. certificates.Select(certificate => certificate.RawData)];
            using var chain = new X509Chain { ChainPolicy = policy };
            policy.ExtraStore.AddRange(certificates.Skip(1).ToArray());
            if (!TryBuild(chain, certificates[0]))
            {
                return new ServerCertificates(kept, kept.Take(1).ToList(), [NoChain]) { Count = sent.Count };
            }

            var rebuilt = Of(chain, kept) with { Count = sent.Count };
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

    // It throws where OpenSSL gives a reason that .NET does not know, such as a chain that is too long.
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
        return new ServerCertificates(sent, [.. chain.ChainElements.Take(MaxCertificates).Select(element => element.Certificate.RawData)], [.. faults.Distinct()]);
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
