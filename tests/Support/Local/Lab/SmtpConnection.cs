using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace StsFunctions.Tests.Local.Lab;

/// <summary>A client that sends given lines and returns exactly what it received.</summary>
internal sealed class SmtpConnection : IAsyncDisposable
{
    private readonly NetworkStream _network;
    private Stream _stream;

    private SmtpConnection(NetworkStream network) => _stream = _network = network;

    public static async Task<SmtpConnection> ConnectAsync(IPEndPoint to, CancellationToken cancellationToken)
    {
        var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(to, cancellationToken);
        return new SmtpConnection(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>The connection below TLS.</summary>
    public Stream Network => _network;

    /// <summary>The TLS stream, once there is one.</summary>
    public SslStream Tls => (SslStream)_stream;

    public ValueTask SendLineAsync(string line, CancellationToken cancellationToken) =>
        _stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"), cancellationToken);

    /// <summary>A whole reply, of one line or of many, with LF between them.</summary>
    public async Task<string> ReplyAsync(CancellationToken cancellationToken)
    {
        var reply = new StringBuilder();
        while (true)
        {
            var line = new StringBuilder();
            while (line.Length == 0 || line[^1] != '\n')
            {
                line.Append(await ReadAsync(1, cancellationToken) is { Length: > 0 } one ? one : throw new EndOfStreamException());
            }

            var text = line.ToString().TrimEnd('\r', '\n');
            reply.Append(text);
            if (text.Length < 4 || text[3] != '-')
            {
                return reply.ToString();
            }

            reply.Append('\n');
        }
    }

    /// <summary>As many bytes as that, or fewer where the server closes before.</summary>
    public async Task<string> ReadAsync(int count, CancellationToken cancellationToken)
    {
        var buffer = new byte[count];
        try
        {
            return Encoding.Latin1.GetString(buffer, 0, await _stream.ReadAtLeastAsync(buffer, count, throwOnEndOfStream: false, cancellationToken));
        }
        catch (IOException)
        {
            return ""; // A reset is an end too.
        }
    }

    /// <summary>Sends a line and reads the reply.</summary>
    public async Task<string> AskAsync(string line, CancellationToken cancellationToken)
    {
        await SendLineAsync(line, cancellationToken);
        return await ReplyAsync(cancellationToken);
    }

    /// <summary>Banner, EHLO, STARTTLS and the handshake. Returns what the server sent after its leaf.</summary>
    public async Task<IReadOnlyList<X509Certificate2>> StartTlsAsync(
        string host, CancellationToken cancellationToken, SslProtocols protocols = SslProtocols.Tls12 | SslProtocols.Tls13, TlsCipherSuite[]? suites = null)
    {
        await ReplyAsync(cancellationToken);
        await AskAsync("EHLO probe.example", cancellationToken);
        await AskAsync("STARTTLS", cancellationToken);
        return await HandshakeAsync(host, cancellationToken, protocols, suites);
    }

    public async Task<IReadOnlyList<X509Certificate2>> HandshakeAsync(
        string host, CancellationToken cancellationToken, SslProtocols protocols = SslProtocols.Tls12 | SslProtocols.Tls13, TlsCipherSuite[]? suites = null,
        bool oneByteAtATime = false)
    {
        var sent = new List<X509Certificate2>();
        var tls = new SslStream(oneByteAtATime ? new DrippingStream(_network) : _network, leaveInnerStreamOpen: true);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = host,
                EnabledSslProtocols = protocols,
                CipherSuitesPolicy = suites is { Length: > 0 } && !OperatingSystem.IsWindows() ? new CipherSuitesPolicy(suites) : null,
                CertificateChainPolicy = new X509ChainPolicy { DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck },
                RemoteCertificateValidationCallback = (_, leaf, chain, _) =>
                {
                    sent.AddRange(chain!.ChainPolicy.ExtraStore
                        .Select(certificate => X509CertificateLoader.LoadCertificate(certificate.RawData))
                        .Where(certificate => certificate.Thumbprint != leaf!.GetCertHashString()));
                    return true;
                },
            },
            cancellationToken);
        _stream = tls;
        return sent;
    }

    public async ValueTask DisposeAsync()
    {
        if (_stream != _network)
        {
            await _stream.DisposeAsync();
        }

        await _network.DisposeAsync();
    }

    /// <summary>Writes a byte at a time, each in its own packet.</summary>
    private sealed class DrippingStream(NetworkStream network) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => network.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => network.ReadAsync(buffer, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            network.Socket.NoDelay = true;
            for (var at = 0; at < buffer.Length; at++)
            {
                await network.WriteAsync(buffer.Slice(at, 1), cancellationToken);
            }
        }

        public override void Flush() => network.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => network.FlushAsync(cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
