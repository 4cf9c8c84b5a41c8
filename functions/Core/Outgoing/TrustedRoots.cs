using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Outgoing;

/// <summary>Root certificates that stand in for the system's.</summary>
internal sealed record TrustedRoots(X509Certificate2Collection Certificates)
{
    /// <summary>Reads a PEM file; null when it cannot be read or holds no certificate.</summary>
    public static TrustedRoots? FromPemFile(string path)
    {
        try
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPemFile(path);
            return certificates.Count == 0 ? null : new TrustedRoots(certificates);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return null;
        }
    }
}
