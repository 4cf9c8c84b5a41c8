using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using CertificateRequest = System.Security.Cryptography.X509Certificates.CertificateRequest;

namespace StsFunctions.Tests.Checks;

/// <summary>
/// A server's certificate, and more of them than any CA issues: in a row, each signed by the next, or outside the path to the root.
/// .NET's own server would sort them and send what it needs.
/// </summary>
internal sealed class LongChain
{
    private LongChain(X509Certificate2 root, IReadOnlyList<byte[]> sent, ECDsa key) => (Root, Sent, Key) = (root, sent, key);

    public X509Certificate2 Root { get; }

    /// <summary>What the server sends, its own first.</summary>
    public IReadOnlyList<byte[]> Sent { get; }

    public ECDsa Key { get; }

    /// <summary>A chain for a host.</summary>
    /// <param name="host">Its name.</param>
    /// <param name="inARow">How many certificates are between the server's own and the root.</param>
    /// <param name="beside">How many more are sent that are not in the chain.</param>
    public static LongChain Of(string host, int inARow, int beside = 0)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var root = Authority("root").CreateSelfSigned(from, to);
        var between = new List<X509Certificate2>();
        for (var n = 1; n <= inARow + beside; n++)
        {
            var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var issuer = n <= inARow && between is [var above, ..] ? above : root;
            between.Insert(0, Authority($"between {n}", key).Create(issuer, from, to, BitConverter.GetBytes(n)).CopyWithPrivateKey(key));
        }

        var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", own, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        using var leaf = request.Create(inARow == 0 ? root : between[beside], from, to, [1]);
        return new LongChain(root, [leaf.RawData, .. between.Select(one => one.RawData)], own);
    }

    /// <summary>Serves one SMTP session, or where it is to be HTTPS the handshake alone.</summary>
    public async Task ServeAsync(Socket client, bool smtp)
    {
        await Task.Yield();
        using var stream = new NetworkStream(client, ownsSocket: true);
        try
        {
            if (smtp)
            {
                foreach (var line in (string[])["220 mx ESMTP", "250-mx\r\n250 STARTTLS", "220 go"])
                {
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"));
                    if (line != "220 go")
                    {
                        _ = await stream.ReadAsync(new byte[1024]);
                    }
                }
            }

            var tls = new TlsServerProtocol(stream);
            tls.Accept(new Server(this));
            if (smtp)
            {
                foreach (var line in (string[])["250 mx", "221 bye"])
                {
                    _ = tls.Stream.Read(new byte[1024], 0, 1024);
                    tls.Stream.Write(Encoding.ASCII.GetBytes(line + "\r\n"));
                }
            }
        }
        catch (Exception e) when (e is IOException or TlsFatalAlert)
        {
            // The client has read enough.
        }
    }

    private static CertificateRequest Authority(string name, ECDsa? key = null)
    {
        var request = new CertificateRequest($"CN={name}", key ?? ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request;
    }

    private sealed class Server(LongChain chain) : DefaultTlsServer(new BcTlsCrypto(new SecureRandom()))
    {
        public override TlsCredentials GetCredentials()
        {
            var crypto = (BcTlsCrypto)m_context.Crypto;
            return new BcDefaultTlsCredentialedSigner(
                new TlsCryptoParameters(m_context),
                crypto,
                PrivateKeyFactory.CreateKey(chain.Key.ExportPkcs8PrivateKey()),
                new Certificate([], [.. chain.Sent.Select(raw => new CertificateEntry(new BcTlsCertificate(crypto, raw), null))]),
                SignatureAndHashAlgorithm.GetInstance(Org.BouncyCastle.Tls.HashAlgorithm.sha256, Org.BouncyCastle.Tls.SignatureAlgorithm.ecdsa));
        }

        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();
    }
}

/// <summary>Listens on a loopback address, and serves each client with a chain.</summary>
internal sealed class LongChainServer : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Task _serving;

    public LongChainServer(LongChain chain, bool smtp, IPEndPoint? at = null)
    {
        _listener = new TcpListener(at ?? new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Start();
        _serving = AcceptAsync(chain, smtp);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
    }

    private async Task AcceptAsync(LongChain chain, bool smtp)
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                serving.Add(chain.ServeAsync(await _listener.AcceptSocketAsync(), smtp));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(serving);
        }
    }
}
