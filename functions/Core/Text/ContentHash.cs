using System.Security.Cryptography;
using System.Text;

namespace StsFunctions.Core.Text;

/// <summary>26 letters and digits that stand for any text or bytes: base32 of SHA-256, cut at 130 bits. Safe in keys and blob names.</summary>
internal static class ContentHash
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>The hash of a text, as UTF-8.</summary>
    public static string Of(string text) => OfDigest(Digest(text));

    /// <summary>The hash of bytes.</summary>
    public static string Of(ReadOnlySpan<byte> bytes) => OfDigest(SHA256.HashData(bytes));

    /// <summary>The hash of what has this SHA-256 digest.</summary>
    public static string OfDigest(byte[] sha256) => string.Create(26, sha256, static (chars, digest) =>
    {
        for (var i = 0; i < chars.Length; i++)
        {
            var bit = i * 5;
            var window = (digest[bit / 8] << 8) | digest[(bit / 8) + 1];
            chars[i] = Alphabet[(window >> (11 - (bit % 8))) & 31];
        }
    });

    /// <summary>The SHA-256 digest of a text, as UTF-8.</summary>
    public static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
