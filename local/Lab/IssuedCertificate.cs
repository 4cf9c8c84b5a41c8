using System.Collections.ObjectModel;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Local.Lab;

/// <summary>A leaf certificate with its key, and exactly what a server sends with it.</summary>
public sealed class IssuedCertificate
{
    internal IssuedCertificate(CertificateSpec spec, X509Certificate2 leaf, IReadOnlyList<X509Certificate2> chain)
    {
        Spec = spec;
        Leaf = leaf;
        Chain = chain;
        // offline: nothing is fetched, so that only these certificates are sent.
        Context = spec.Sends == SentChain.Misordered
            ? ContextAsGiven(leaf, new ReadOnlyCollection<X509Certificate2>([.. chain]), null)
            : SslStreamCertificateContext.Create(leaf, [.. chain], offline: true);
    }

    /// <summary>What was asked for.</summary>
    public CertificateSpec Spec { get; }

    /// <summary>The leaf, with its private key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>What follows the leaf in the handshake, in that order.</summary>
    public IReadOnlyList<X509Certificate2> Chain { get; }

    /// <summary>Leaf and chain, ready for the server's side of an <see cref="SslStream"/>.</summary>
    public SslStreamCertificateContext Context { get; }

    // Create() sorts the chain; only the type's own constructor sends a chain in the wrong order.
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SslStreamCertificateContext ContextAsGiven(
        X509Certificate2 target, ReadOnlyCollection<X509Certificate2> intermediates, SslCertificateTrust? trust);
}
