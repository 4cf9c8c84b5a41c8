using System.Security.Cryptography;

namespace StsFunctions.Local.Lab;

/// <summary>What a certificate says, who signs it, and what a server sends along with it.</summary>
public sealed record CertificateSpec
{
    /// <summary>A certificate for these names, without a fault.</summary>
    public static CertificateSpec For(params string[] dnsNames) => new() { DnsNames = dnsNames };

    /// <summary>The subject alternative names of type dNSName; may be empty.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>The subject's common name. When null, the first DNS name that fits in 64 characters.</summary>
    public string? CommonName { get; init; }

    /// <summary>From when it is valid, counted from the moment it is issued.</summary>
    public TimeSpan NotBeforeFromNow { get; init; } = TimeSpan.FromDays(-1);

    /// <summary>Until when it is valid, counted from the moment it is issued.</summary>
    public TimeSpan NotAfterFromNow { get; init; } = TimeSpan.FromDays(90);

    /// <summary>The kind of the leaf's key.</summary>
    public KeyKind Key { get; init; } = KeyKind.Ecdsa;

    /// <summary>Who signs the leaf.</summary>
    public CertificateSigner Signer { get; init; } = CertificateSigner.Intermediate;

    /// <summary>What follows the leaf in the TLS handshake.</summary>
    public SentChain Sends { get; init; } = SentChain.InOrder;

    /// <summary>The extended key usage; null leaves the extension out.</summary>
    public Oid? ExtendedKeyUsage { get; init; } = ServerAuthentication;

    /// <summary>The usage of a TLS server (RFC 5280 §4.2.1.12).</summary>
    public static Oid ServerAuthentication { get; } = new("1.3.6.1.5.5.7.3.1");

    /// <summary>The usage of a TLS client, which no server certificate should have (RFC 5280 §4.2.1.12).</summary>
    public static Oid ClientAuthentication { get; } = new("1.3.6.1.5.5.7.3.2");
}

/// <summary>The kind of a certificate's key.</summary>
public enum KeyKind
{
    /// <summary>ECDSA on P-256.</summary>
    Ecdsa,

    /// <summary>RSA of 2048 bits.</summary>
    Rsa,
}

/// <summary>Who signs a leaf certificate.</summary>
public enum CertificateSigner
{
    /// <summary>The CA's intermediate.</summary>
    Intermediate,

    /// <summary>The leaf itself.</summary>
    Itself,

    /// <summary>The intermediate of another CA, whose root is not trusted.</summary>
    UntrustedCa,
}

/// <summary>What a server sends after its leaf certificate.</summary>
public enum SentChain
{
    /// <summary>The intermediate, as RFC 8446 §4.4.2 asks.</summary>
    InOrder,

    /// <summary>Nothing: a client must get the intermediate from another source.</summary>
    LeafOnly,

    /// <summary>The root and then the intermediate, which is the wrong order.</summary>
    Misordered,
}
