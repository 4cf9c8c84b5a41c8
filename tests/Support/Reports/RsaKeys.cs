using System.Formats.Asn1;
using System.Numerics;

namespace StsFunctions.Tests.Reports;

/// <summary>RSA public keys as DKIM records hold them, also such as no signer would make.</summary>
internal static class RsaKeys
{
    /// <summary>An odd number of so many bits, the same each time; its factors are unknown.</summary>
    public static BigInteger Odd(int bits)
    {
        var random = new Random(bits);
        var bytes = new byte[(bits / 8) + 1];
        random.NextBytes(bytes);
        return ((new BigInteger(bytes, isUnsigned: true) % BigInteger.Pow(2, bits - 1)) + BigInteger.Pow(2, bits - 1)) | BigInteger.One;
    }

    /// <summary>The key's SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in base64.</summary>
    public static string Encode(BigInteger modulus, BigInteger exponent, string algorithm = "1.2.840.113549.1.1.1")
    {
        var key = new AsnWriter(AsnEncodingRules.DER);
        using (key.PushSequence())
        {
            key.WriteInteger(modulus);
            key.WriteInteger(exponent);
        }

        var info = new AsnWriter(AsnEncodingRules.DER);
        using (info.PushSequence())
        {
            using (info.PushSequence())
            {
                info.WriteObjectIdentifier(algorithm);
                info.WriteNull();
            }

            info.WriteBitString(key.Encode());
        }

        return Convert.ToBase64String(info.Encode());
    }
}
