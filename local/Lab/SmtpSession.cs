using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;

namespace StsFunctions.Local.Lab;

/// <summary>One connection to an <see cref="SmtpServer"/> (RFC 5321, RFC 3207).</summary>
internal sealed class SmtpSession(SmtpServer server, Socket socket, CancellationToken cancellationToken) : IAsyncDisposable
{
    private const int MaxLine = 2048; // RFC 5321 §4.5.3.1 asks for 512 and 1,000, and extensions add to it
    private const int MaxCommands = 1_000;
    private const int MaxRecipients = 100; // RFC 5321 §4.5.3.1.8
    private const int MaxMessage = 10 << 20;
    private const long MaxFlood = 256 << 20;

    // One script for the whole session: a change takes effect at the next one.
    private readonly SmtpScript _script = server.Script;
    private readonly List<string> _recipients = [];
    private string? _from;
    private readonly NetworkStream _network = new(socket, ownsSocket: true);
    private SslStream? _tls;
    private Stream _stream = Stream.Null;
    private SmtpLineReader _lines = new(Stream.Null, MaxLine);

    /// <summary>Runs until either side ends it. No input of a client ends more than its session.</summary>
    public async Task RunAsync()
    {
        socket.NoDelay = true;
        Use(_network);
        try
        {
            await ConverseAsync();
        }
        catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException
            or AuthenticationException or InvalidDataException or ObjectDisposedException)
        {
            // The client disconnected, failed the handshake or sent invalid data; or the server stops.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_tls is not null)
        {
            await _tls.DisposeAsync();
        }

        await _network.DisposeAsync();
    }

    private void Use(Stream stream)
    {
        _stream = stream;
        // A new reader: plain text of the client after STARTTLS is discarded (RFC 3207 §6).
        _lines = new SmtpLineReader(stream, MaxLine);
    }

    private async Task ConverseAsync()
    {
        var banner = _script.Banner ?? $"220 {server.HostName} ESMTP";
        if (!await SendLineAsync(SmtpStage.Banner, banner) || !banner.StartsWith('2'))
        {
            return;
        }

        for (var commands = 0; commands < MaxCommands; commands++)
        {
            if (await _lines.ReadAsync(cancellationToken) is not { } line)
            {
                return;
            }

            server.Receive(line);
            var (verb, argument) = Split(line);
            var goOn = verb switch
            {
                "EHLO" => await SendLineAsync(_tls is null ? SmtpStage.Ehlo : SmtpStage.EhloInTls, EhloAnswer()),
                "HELO" => await SendLineAsync($"250 {server.HostName}"),
                "STARTTLS" when _script.OffersStartTls && _tls is null => await StartTlsAsync(),
                "MAIL" => await SendLineAsync(TakeSender(argument)),
                "RCPT" => await SendLineAsync(TakeRecipient(argument)),
                "DATA" => await TakeMessageAsync(),
                "RSET" => await SendLineAsync(Forget()),
                "NOOP" => await SendLineAsync("250 2.0.0 OK"),
                "VRFY" => await SendLineAsync("252 2.5.0 Send it and see"),
                "QUIT" => await SendLineAsync("221 2.0.0 Bye") && false,
                _ => await SendLineAsync("502 5.5.1 Command not implemented"),
            };
            if (!goOn)
            {
                return;
            }
        }

        await SendLineAsync("421 4.7.0 Too many commands");
    }

    private string EhloAnswer()
    {
        var startTls = _script.OffersStartTls && _tls is null ? "250-STARTTLS\r\n" : "";
        return $"250-{server.HostName}\r\n250-SIZE {MaxMessage}\r\n250-8BITMIME\r\n250-PIPELINING\r\n{startTls}250 ENHANCEDSTATUSCODES";
    }

    private async Task<bool> StartTlsAsync()
    {
        if (!await SendLineAsync(SmtpStage.StartTls, _script.StartTlsAnswer, behind: _script.Injection))
        {
            return false;
        }

        if (!_script.StartTlsAnswer.StartsWith("220", StringComparison.Ordinal))
        {
            return true;
        }

        if (!await SendLineAsync(SmtpStage.Handshake, null))
        {
            return false;
        }

        var certificates = server.Certificates;
        var (network, certificate) = certificates.Count == 1 ? (_network, certificates[0]) : await ChooseAsync(certificates);
        _tls = new SslStream(network, leaveInnerStreamOpen: true);
        await _tls.AuthenticateAsServerAsync((_, hello, _, _) => new(Options(hello, certificate)), null, cancellationToken);
        server.Receive($"TLS {_tls.SslProtocol}");
        Forget(); // RFC 3207 §4.2: nothing from before the handshake counts
        Use(_tls);
        return true;
    }

    // The first that the client can use; where there is none, the handshake fails with the first.
    private async Task<(Stream Network, IssuedCertificate Certificate)> ChooseAsync(IReadOnlyList<IssuedCertificate> certificates)
    {
        var (read, offered) = await OfferedTls.ReadAsync(_network, cancellationToken);
        var usable = certificates.FirstOrDefault(certificate => offered?.CanUse(certificate.Spec.Key, _script.Protocols) ?? false);
        return (new ReplayedStream(read, _network), usable ?? certificates[0]);
    }

    private SslServerAuthenticationOptions Options(SslClientHelloInfo hello, IssuedCertificate certificate)
    {
        server.Receive($"SNI {hello.ServerName}");
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate.Context,
            EnabledSslProtocols = _script.Protocols,
            AllowRenegotiation = false,
            AllowTlsResume = false,
        };
    }

    private string TakeSender(string argument)
    {
        if (Path("FROM:", argument) is not { } from)
        {
            return "501 5.5.4 Say MAIL FROM:<address>";
        }

        Forget();
        _from = from;
        return "250 2.1.0 OK";
    }

    private string TakeRecipient(string argument)
    {
        if (_from is null)
        {
            return "503 5.5.1 MAIL first";
        }

        if (Path("TO:", argument) is not { Length: > 0 } to)
        {
            return "501 5.5.4 Say RCPT TO:<address>";
        }

        if (_recipients.Count == MaxRecipients)
        {
            return "452 4.5.3 Too many recipients";
        }

        _recipients.Add(to);
        return "250 2.1.5 OK";
    }

    private async Task<bool> TakeMessageAsync()
    {
        if (_from is null || _recipients.Count == 0)
        {
            return await SendLineAsync("503 5.5.1 MAIL and RCPT first");
        }

        if (!await SendLineAsync("354 End with a dot"))
        {
            return false;
        }

        using var message = new MemoryStream();
        var tooLarge = false;
        while (true)
        {
            if (await _lines.ReadAsync(cancellationToken) is not { } line)
            {
                return false;
            }

            if (line == ".")
            {
                break;
            }

            var bytes = Encoding.Latin1.GetBytes(line.StartsWith('.') ? line[1..] : line); // RFC 5321 §4.5.2
            tooLarge |= message.Length + bytes.Length + 2 > MaxMessage;
            if (tooLarge)
            {
                continue;
            }

            message.Write(bytes);
            message.Write("\r\n"u8);
        }

        if (tooLarge)
        {
            return await SendLineAsync(SmtpStage.Data, "552 5.3.4 Message too large");
        }

        var taken = server.Take(_from, [.. _recipients], message.ToArray(), _tls?.SslProtocol ?? SslProtocols.None);
        Forget();
        return await SendLineAsync(SmtpStage.Data, taken ? "250 2.0.0 Taken" : "452 4.3.1 Full");
    }

    private string Forget()
    {
        _from = null;
        _recipients.Clear();
        return "250 2.0.0 OK";
    }

    private Task<bool> SendLineAsync(string answer) => SendLineAsync(null, answer);

    /// <summary>Sends the reply, unless the script has a fault at this stage. False: the session is over.</summary>
    private async Task<bool> SendLineAsync(SmtpStage? stage, string? answer, string? behind = null)
    {
        if (stage is not null && _script.Fault is { } fault && fault.Stage == stage)
        {
            await (fault.Kind switch
            {
                SmtpFaultKind.Hang => HangAsync(),
                SmtpFaultKind.CutOff => Task.CompletedTask,
                SmtpFaultKind.EndlessLines => FloodAsync(stage is SmtpStage.Banner or SmtpStage.StartTls ? "220-and so on\r\n" : "250-and so on\r\n"),
                SmtpFaultKind.RefuseTlsVersion => RefuseTlsVersionAsync(),
                SmtpFaultKind.EndlessLine => FloodAsync("and so on "),
                _ => throw new ArgumentOutOfRangeException(nameof(stage), fault.Kind, "Not a kind of fault."),
            });
            return false;
        }

        // One write: the injected text arrives in one packet with the answer.
        if (answer is not null)
        {
            await SendAsync(Encoding.Latin1.GetBytes($"{answer}\r\n{behind}"));
        }

        return true;
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        var piece = _script.OneByteAtATime ? 1 : bytes.Length;
        for (var at = 0; at < bytes.Length; at += piece)
        {
            await _stream.WriteAsync(bytes.Slice(at, piece), cancellationToken);
            await _stream.FlushAsync(cancellationToken);
        }
    }

    // Reads, so that a disconnect of the client ends it.
    private async Task HangAsync()
    {
        var ignored = new byte[4096];
        while (await _stream.ReadAsync(ignored, cancellationToken) > 0)
        {
        }
    }

    private async Task FloodAsync(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(text, 64)));
        for (var sent = 0L; sent < MaxFlood; sent += bytes.Length)
        {
            await _stream.WriteAsync(bytes, cancellationToken);
        }
    }

    // Written out, because the OpenSSL of today is built or configured without the old versions and can't send their alerts.
    private async Task RefuseTlsVersionAsync()
    {
        byte[] alert = [21, 3, 1, 0, 2, 2, 70]; // alert, TLS 1.0 framing, two bytes: fatal, protocol_version
        if (await _stream.ReadAsync(new byte[4096], cancellationToken) > 0)
        {
            await _stream.WriteAsync(alert, cancellationToken);
        }

        _network.Socket.Shutdown(SocketShutdown.Send);
        await HangAsync(); // until the client disconnects, so that no reset overtakes the alert
    }

    private static (string Verb, string Argument) Split(string line)
    {
        var space = line.IndexOf(' ');
        return space < 0 ? (line.ToUpperInvariant(), "") : (line[..space].ToUpperInvariant(), line[(space + 1)..].Trim());
    }

    // "FROM:<a@example.com> SIZE=100" → "a@example.com"
    private static string? Path(string keyword, string argument)
    {
        if (!argument.StartsWith(keyword, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var path = argument[keyword.Length..].TrimStart();
        var end = path.IndexOf('>');
        return path.StartsWith('<') && end > 0 ? path[1..end] : null;
    }
}
