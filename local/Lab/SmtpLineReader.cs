using System.Text;

namespace StsFunctions.Local.Lab;

/// <summary>Reads lines of a bounded length; a byte is one character (Latin-1), so that nothing is lost.</summary>
internal sealed class SmtpLineReader(Stream stream, int maxLine)
{
    private readonly byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>A line without its LF or CRLF; null at the end of the stream.</summary>
    /// <exception cref="InvalidDataException">The line is too long.</exception>
    public async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_start == _end)
            {
                (_start, _end) = (0, await stream.ReadAsync(_buffer, cancellationToken));
                if (_end == 0)
                {
                    return null;
                }
            }

            var read = _buffer.AsSpan(_start, _end - _start);
            var feed = read.IndexOf((byte)'\n');
            var piece = feed < 0 ? read : read[..feed];
            if (line.Length + piece.Length > maxLine)
            {
                throw new InvalidDataException($"A line has more than {maxLine} bytes.");
            }

            line.Append(Encoding.Latin1.GetString(piece));
            _start += feed < 0 ? read.Length : feed + 1;
            if (feed < 0)
            {
                continue;
            }

            if (line.Length > 0 && line[^1] == '\r')
            {
                line.Length--;
            }

            return line.ToString();
        }
    }
}
