using System.Buffers.Binary;
using System.Security.Authentication;
using Org.BouncyCastle.Tls;

namespace StsFunctions.Local.Lab;

/// <summary>
/// What a client offers in its hello, as far as the choice between certificates depends on it. SslStream shows its callback no
/// cipher suite and no signature algorithm, so the hello is read before SslStream gets it.
/// </summary>
internal sealed class OfferedTls
{
    private const int RecordHeader = 5;
    private const int MessageHeader = 4;
    private const int MaxRecord = 1 << 14; // RFC 8446 §5.1
    private const int MaxHello = 1 << 16;
    private const byte HandshakeRecord = 22;
    private const byte ClientHelloMessage = 1;

    private readonly ClientHello _hello;
    private readonly IReadOnlyList<ProtocolVersion> _versions;
    private readonly IReadOnlyList<int>? _schemes;

    private OfferedTls(ClientHello hello)
    {
        _hello = hello;
        _versions = TlsExtensionsUtilities.GetSupportedVersionsExtensionClient(hello.Extensions) ?? [hello.Version];
        // Null if the client does not send it, which only a TLS 1.2 client may omit (RFC 5246 §7.4.1.4.1).
        _schemes = TlsExtensionsUtilities.GetSignatureAlgorithmsExtension(hello.Extensions)?.Select(SignatureScheme.From).ToList();
    }

    /// <summary>Reads a client hello, in one record or in several.</summary>
    /// <returns>Every byte that was read, for SslStream to begin with, and what they offer; null where they are no client hello.</returns>
    public static async Task<(ReadOnlyMemory<byte> Read, OfferedTls? Offered)> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var read = new MemoryStream();
        var message = new MemoryStream();
        while (message.Length < MessageHeader || message.Length < MessageHeader + LengthOf(message))
        {
            var header = new byte[RecordHeader];
            var got = await stream.ReadAtLeastAsync(header, RecordHeader, throwOnEndOfStream: false, cancellationToken);
            read.Write(header, 0, got);
            var length = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(3));
            if (got < RecordHeader || header[0] != HandshakeRecord || length is 0 or > MaxRecord || message.Length + length > MaxHello)
            {
                return (read.ToArray(), null);
            }

            var record = new byte[length];
            got = await stream.ReadAtLeastAsync(record, length, throwOnEndOfStream: false, cancellationToken);
            read.Write(record, 0, got);
            message.Write(record, 0, got);
            if (got < length || message.GetBuffer()[0] != ClientHelloMessage)
            {
                return (read.ToArray(), null);
            }
        }

        return (read.ToArray(), Parse(message));
    }

    /// <summary>Whether the client can use a certificate with such a key, of a server that takes these versions.</summary>
    public bool CanUse(KeyKind key, SslProtocols serverTakes)
    {
        if (serverTakes.HasFlag(SslProtocols.Tls13) && _versions.Contains(ProtocolVersion.TLSv13))
        {
            // RFC 8446 §4.2.3: the key alone decides, not the cipher suites.
            return _schemes?.Contains(key == KeyKind.Ecdsa ? SignatureScheme.ecdsa_secp256r1_sha256 : SignatureScheme.rsa_pss_rsae_sha256) ?? false;
        }

        // RFC 8422 §2: the cipher suite names the kind of key.
        var ofKey = key == KeyKind.Ecdsa ? SignatureAlgorithm.ecdsa : SignatureAlgorithm.rsa;
        return _hello.CipherSuites.Any(suite => KeyOf(suite) == key)
            && (_schemes?.Any(scheme => SignatureScheme.GetSignatureAlgorithm(scheme) == ofKey) ?? true);
    }

    private static KeyKind? KeyOf(int suite) => TlsUtilities.GetKeyExchangeAlgorithm(suite) switch
    {
        KeyExchangeAlgorithm.ECDHE_ECDSA => KeyKind.Ecdsa,
        KeyExchangeAlgorithm.ECDHE_RSA or KeyExchangeAlgorithm.DHE_RSA or KeyExchangeAlgorithm.RSA => KeyKind.Rsa,
        _ => null,
    };

    private static OfferedTls? Parse(MemoryStream message)
    {
        try
        {
            var body = new MemoryStream(message.GetBuffer(), MessageHeader, LengthOf(message));
            return new OfferedTls(ClientHello.Parse(body, null));
        }
        catch (Exception exception) when (exception is IOException or ArgumentException)
        {
            // Not well formed: SslStream says so to the client.
            return null;
        }
    }

    private static int LengthOf(MemoryStream message) => BinaryPrimitives.ReadInt32BigEndian(message.GetBuffer()) & 0xFFFFFF;
}
