using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.CheckDomain;

/// <summary>What can be built of the certificates that a server sent, and whether it is trusted.</summary>
internal static class ChainTrust
{
    /// <summary>The session with the chain as it was built, and why it is not trusted.</summary>
    public static TlsSession Of(X509Chain chain, TlsSession session)
    {
        // The leaf's own dates have rules of their own; anybody else's make the chain untrusted.
        var trust = chain.ChainElements.SelectMany((element, depth) => element.ChainElementStatus
                .Where(status => depth > 0 || status.Status != X509ChainStatusFlags.NotTimeValid)
                .Select(status => $"{status.Status}: {element.Certificate.Subject}"));
        return session with { Built = [.. chain.ChainElements.Select(element => element.Certificate.RawData)], Trust = [.. trust.Distinct()] };
    }

    /// <summary>The same for a chain that somebody else was sent: what they made of it does not count.</summary>
    /// <param name="session">The session, with the chain as sent; disposed of are copies alone.</param>
    /// <param name="policy">How it is judged.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">One of them is no certificate.</exception>
    public static TlsSession Rebuilt(TlsSession session, X509ChainPolicy policy)
    {
        var sent = new List<X509Certificate2>();
        try
        {
            foreach (var raw in session.Chain)
            {
                sent.Add(X509CertificateLoader.LoadCertificate(raw));
            }

            using var chain = new X509Chain { ChainPolicy = policy };
            policy.ExtraStore.AddRange(sent.Skip(1).ToArray());
            chain.Build(sent[0]);
            var rebuilt = Of(chain, session with { Chain = [.. sent.Select(certificate => certificate.RawData)] });
            foreach (var element in chain.ChainElements)
            {
                element.Certificate.Dispose();
            }

            return rebuilt;
        }
        finally
        {
            sent.ForEach(certificate => certificate.Dispose());
        }
    }
}
