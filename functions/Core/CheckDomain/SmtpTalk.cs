using System.Globalization;
using System.Text;

namespace StsFunctions.CheckDomain;

/// <summary>What the server says is not SMTP, or too much of it.</summary>
internal sealed class SmtpTalkException(string message) : Exception(message);

/// <summary>A reply: its code and its lines without the code.</summary>
internal sealed record SmtpReply(int Code, IReadOnlyList<string> Lines)
{
    /// <summary>Code and first line, as evidence.</summary>
    public string FirstLine => $"{Code} {Lines[0]}".TrimEnd();

    /// <summary>Whether an EHLO reply offers an extension; keywords compare without case (RFC 5321 §4.1.1.1).</summary>
    public bool Offers(string keyword) =>
        Lines.Skip(1).Any(line => line.Split(' ', 2)[0].Equals(keyword, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Commands and replies over a stream, bounded: no server gets more memory than this by talking.</summary>
internal sealed class SmtpTalk(Stream stream)
{
    // RFC 5321 §4.5.3.1.5 allows 512 octets a reply line; four times that, and as many lines as any EHLO has.
    private const int MaxLine = 2048;
    private const int MaxLines = 128;

    private readonly byte[] _buffer = new byte[4096];
    private int _next;
    private int _end;

    /// <summary>Whether something was received that no reply has used.</summary>
    public bool HasUnread => _next < _end;

    /// <summary>Sends a command and reads its reply.</summary>
    /// <exception cref="SmtpTalkException">The reply is not SMTP, or too long.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<SmtpReply> SendAsync(string command, CancellationToken cancellation)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), cancellation);
        return await ReadReplyAsync(cancellation);
    }

    /// <summary>Reads one reply of one or more lines (RFC 5321 §4.2.1).</summary>
    /// <inheritdoc cref="SendAsync"/>
    public async Task<SmtpReply> ReadReplyAsync(CancellationToken cancellation)
    {
        var lines = new List<string>();
        while (lines.Count < MaxLines)
        {
            var line = await ReadLineAsync(cancellation);
            if (line.Length < 3 || !int.TryParse(line.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            {
                throw new SmtpTalkException($"the server said \"{Shown(line)}\", which is no SMTP reply");
            }

            lines.Add(line.Length > 4 ? Shown(line[4..]) : "");
            if (line.Length == 3 || line[3] != '-')
            {
                return new SmtpReply(code, lines);
            }
        }

        throw new SmtpTalkException($"a reply of more than {MaxLines} lines");
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellation)
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
                    throw new SmtpTalkException($"a reply line longer than {MaxLine} octets");
                }

                line.Append((char)octet);
            }

            _next = 0;
            _end = await stream.ReadAsync(_buffer, cancellation);
            if (_end == 0)
            {
                throw new SmtpTalkException("the server closed the connection");
            }
        }
    }

    /// <summary>Text of a server's making, fit for mails and logs: visible ASCII, and not much of it.</summary>
    public static string Shown(string text) =>
        string.Concat(text.Take(200).Select(c => c is >= ' ' and <= '~' ? c : '?'));
}
