using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace StsFunctions.Network.Egress;

/// <summary>Root certificates that replace the system's.</summary>
internal sealed record TrustedRoots(X509Certificate2Collection Certificates)
{
    // A distribution's whole bundle has a quarter of this.
    private const int MaxFileBytes = 1 << 20;

    /// <summary>Reads a PEM file; null if it cannot be read or holds no certificate.</summary>
    public static TrustedRoots? FromPemFile(string path)
    {
        try
        {
            var certificates = new X509Certificate2Collection();
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
            var pem = new byte[MaxFileBytes + 1];
            var length = file.ReadAtLeast(pem, pem.Length, throwOnEndOfStream: false);
            if (length > MaxFileBytes)
            {
                // The limit also covers a device file without an end.
                return null;
            }

            certificates.ImportFromPem(Encoding.UTF8.GetString(pem.AsSpan(0, length)));
            return certificates.Count == 0 ? null : new TrustedRoots(certificates);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return null;
        }
    }
}
