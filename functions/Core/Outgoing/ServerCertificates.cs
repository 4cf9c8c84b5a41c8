using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Outgoing;

/// <summary>What a server out there showed of itself in TLS, and what was made of it.</summary>
/// <param name="Sent">The certificates, DER, in the order in which they came; the server's own is the first.</param>
/// <param name="Built">The chain that was built of them, DER, from the server's own up.</param>
/// <param name="Faults">Why that chain is not trusted, other than by the dates of the server's own; empty when it is.</param>
internal sealed record ServerCertificates(IReadOnlyList<byte[]> Sent, IReadOnlyList<byte[]> Built, IReadOnlyList<string> Faults)
{
    // A subject may be as long as a handshake, and a fault names it in findings and mails.
    private const int MaxSubject = 200;

    /// <summary>Copies what a handshake's callback is given: it is gone with the stream.</summary>
    public static ServerCertificates Of(X509Certificate certificate, X509Chain chain)
    {
        var own = certificate.GetRawCertData();
        // ExtraStore is the list as OpenSSL received it; a platform that keeps the server's own apart has the others there.
        var sent = chain.ChainPolicy.ExtraStore.Select(one => one.RawData).ToList();
        if (sent is [] || !sent[0].AsSpan().SequenceEqual(own))
        {
            sent.Insert(0, own);
        }

        return Of(chain, sent);
    }

    /// <summary>The same for a chain that somebody else was sent: what they made of it does not count.</summary>
    /// <param name="sent">The certificates, DER, the server's own first.</param>
    /// <param name="policy">How they are judged.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">One of them is no certificate.</exception>
    public static ServerCertificates Rebuilt(IReadOnlyList<byte[]> sent, X509ChainPolicy policy)
    {
        var certificates = new List<X509Certificate2>();
        try
        {
            certificates.AddRange(sent.Select(raw => X509CertificateLoader.LoadCertificate(raw)));
            using var chain = new X509Chain { ChainPolicy = policy };
            policy.ExtraStore.AddRange(certificates.Skip(1).ToArray());
            chain.Build(certificates[0]);
            var rebuilt = Of(chain, [.. certificates.Select(certificate => certificate.RawData)]);
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

    private static ServerCertificates Of(X509Chain chain, IReadOnlyList<byte[]> sent)
    {
        var faults = chain.ChainElements.SelectMany((element, depth) => element.ChainElementStatus
            .Where(status => depth > 0 || status.Status != X509ChainStatusFlags.NotTimeValid)
            .Select(status => $"{status.Status}: {Cut(element.Certificate.Subject)}"));
        return new ServerCertificates(sent, [.. chain.ChainElements.Select(element => element.Certificate.RawData)], [.. faults.Distinct()]);
    }

    private static string Cut(string subject) => subject.Length <= MaxSubject ? subject : subject[..MaxSubject] + "…";
}
