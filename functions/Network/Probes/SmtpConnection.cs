using System.Globalization;
using System.Text;

namespace StsFunctions.Network.Probes;

/// <summary>The server sends something other than SMTP, or too much.</summary>
internal sealed class SmtpProtocolException(string message) : Exception(message);

/// <summary>A reply: its code and its lines without the code.</summary>
internal sealed record SmtpReply(int Code, IReadOnlyList<string> Lines)
{
    /// <summary>The code and the first line, as evidence.</summary>
    public string FirstLine => $"{Code} {Lines[0]}".TrimEnd();

    /// <summary>Whether an EHLO reply offers an extension; keywords compare without case (RFC 5321 §4.1.1.1).</summary>
    public bool Offers(string keyword) =>
        Lines.Skip(1).Any(line => line.Split(' ', 2)[0].Equals(keyword, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Commands and replies over a stream, with limits on the memory that a server can use.</summary>
internal sealed class SmtpConnection(Stream stream)
{
    // RFC 5321 §4.5.3.1.5 allows 512 octets a reply line; four times that, and as many lines as any EHLO has.
    private const int MaxLine = 2048;
    private const int MaxLines = 128;

    private readonly byte[] _buffer = new byte[4096];
    private int _next;
    private int _end;

    /// <summary>Whether received data remains that no reply has used.</summary>
    public bool HasUnread => _next < _end;

    /// <summary>Sends a command and reads its reply.</summary>
    /// <exception cref="SmtpProtocolException">The reply is not SMTP, or too long.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<SmtpReply> SendAsync(string command, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), cancellationToken);
        return await ReadReplyAsync(cancellationToken);
    }

    /// <summary>Reads one reply of one or more lines (RFC 5321 §4.2.1).</summary>
    /// <inheritdoc cref="SendAsync"/>
    public async Task<SmtpReply> ReadReplyAsync(CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        while (lines.Count < MaxLines)
        {
            var line = await ReadLineAsync(cancellationToken);
            if (line.Length < 3 || !int.TryParse(line.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            {
                throw new SmtpProtocolException($"the server said \"{Sanitize(line)}\", which is no SMTP reply");
            }

            lines.Add(line.Length > 4 ? Sanitize(line[4..]) : "");
            if (line.Length == 3 || line[3] != '-')
            {
                return new SmtpReply(code, lines);
            }
        }

        throw new SmtpProtocolException($"a reply of more than {MaxLines} lines");
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        while (true)
        {
            while (_next < _end)
            {
                var octet = _buffer[_next++];
                if (octet == '\n')
                {
                    return line.Length > 0 && line[^1] == '\r' ? line.ToString(0, line.Length - 1) : line.ToString();
                }

                if (line.Length == MaxLine)
                {
                    throw new SmtpProtocolException($"a reply line longer than {MaxLine} octets");
                }

                line.Append((char)octet);
            }

            _next = 0;
            _end = await stream.ReadAsync(_buffer, cancellationToken);
            if (_end == 0)
            {
                throw new SmtpProtocolException("the server closed the connection");
            }
        }
    }

    /// <summary>Cleans text from a server for mails and logs: visible ASCII, limited in length.</summary>
    public static string Sanitize(string text) =>
        string.Concat(text.Take(200).Select(c => c is >= ' ' and <= '~' ? c : '?'));
}
