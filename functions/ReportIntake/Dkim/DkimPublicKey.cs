using System.Formats.Asn1;
using System.Numerics;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;

namespace StsFunctions.ReportIntake.Dkim;

/// <summary>
/// Reads the public key in the <c>p=</c> tag of a DKIM key record: an RSA key within the sizes of RFC 8301 §3.2, or an Ed25519 key
/// (RFC 8463 §4). The key comes from a DNS server of the signer's choice, so its sizes are checked before anything is computed with it: the time
/// of one verification grows with the square of the modulus and with the length of the exponent, and cannot be cancelled.
/// </summary>
internal static class DkimPublicKey
{
    /// <summary>RFC 8301 §3.2: a verifier must not accept a shorter RSA key.</summary>
    public const int MinRsaBits = 1_024;

    /// <summary>RFC 8301 §3.2: a verifier must accept RSA keys up to this length. A verification with one takes about a millisecond.</summary>
    public const int MaxRsaBits = 4_096;

    /// <summary>Every key in use has the exponent 65537 or less. A longer one makes a verification slower but not more secure (FIPS 186-5 appendix A.1.1).</summary>
    public const int MaxRsaExponentBits = 32;

    /// <summary>RFC 8032 §5.1.5.</summary>
    public const int Ed25519Bytes = 32;

    /// <summary>The longest text of a key that is decoded: an RSA key of <see cref="MaxRsaBits"/> has 736 characters in base64.</summary>
    public const int MaxTextLength = 1_024;

    private const string RsaEncryption = "1.2.840.113549.1.1.1";

    /// <summary>Reads a key.</summary>
    /// <param name="type">The <c>k=</c> tag; null for RSA (RFC 6376 §3.6.1).</param>
    /// <param name="text">The <c>p=</c> tag.</param>
    /// <exception cref="FormatException">The kind or size of the key is not accepted. The message gives the reason, as the end of a sentence.</exception>
    public static AsymmetricKeyParameter Read(string? type, string text)
    {
        if (text.Length > MaxTextLength)
        {
            throw new FormatException($"has {text.Length} characters, more than the {MaxTextLength} that a key of {MaxRsaBits} bits needs (RFC 8301 section 3.2)");
        }

        var bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out var length))
        {
            throw new FormatException("is not base64");
        }

        bytes = bytes[..length];
        try
        {
            return type switch
            {
                null or "rsa" => ReadRsa(bytes),
                "ed25519" => ReadEd25519(bytes),
                _ => throw new FormatException("is of a type that is not known (RFC 8301, RFC 8463)"),
            };
        }
        catch (AsnContentException e)
        {
            throw new FormatException("is not a public key in DER", e);
        }
    }

    // Parse it here instead of with a library for all kinds of keys: some kinds have parameters, such as a curve, that cost time before they can be rejected.
    private static RsaKeyParameters ReadRsa(byte[] subjectPublicKeyInfo)
    {
        var info = new AsnReader(subjectPublicKeyInfo, AsnEncodingRules.DER).ReadSequence();
        var algorithm = info.ReadSequence();
        if (algorithm.ReadObjectIdentifier() is var identifier && identifier != RsaEncryption)
        {
            throw new FormatException("is not an RSA key, as its k= tag says");
        }

        var key = new AsnReader(info.ReadBitString(out _), AsnEncodingRules.DER).ReadSequence();
        var (modulus, exponent) = (key.ReadInteger(), key.ReadInteger());
        if (modulus.Sign <= 0 || modulus.IsEven || exponent.Sign <= 0 || exponent.IsEven || exponent.IsOne)
        {
            throw new FormatException("is not an RSA key: its modulus and its exponent must be odd, and greater than one");
        }

        if (modulus.GetBitLength() is < MinRsaBits or > MaxRsaBits)
        {
            throw new FormatException($"has {modulus.GetBitLength()} bits, and not {MinRsaBits} to {MaxRsaBits} (RFC 8301 section 3.2)");
        }

        if (exponent.GetBitLength() > MaxRsaExponentBits)
        {
            throw new FormatException($"has an exponent of {exponent.GetBitLength()} bits, more than the {MaxRsaExponentBits} that are used beside keys of RFC 8301");
        }

        return new RsaKeyParameters(isPrivate: false, NumberOf(modulus), NumberOf(exponent));
    }

    private static Ed25519PublicKeyParameters ReadEd25519(byte[] key) => key.Length == Ed25519Bytes
        ? new Ed25519PublicKeyParameters(key)
        : throw new FormatException($"has {key.Length} bytes, and not the {Ed25519Bytes} of an Ed25519 key (RFC 8463 section 4)");

    private static Org.BouncyCastle.Math.BigInteger NumberOf(BigInteger number) => new(1, number.ToByteArray(isUnsigned: true, isBigEndian: true));
}
