using System.Text;

namespace StsFunctions.Tests.Checks;

/// <summary>How the server's octets arrive.</summary>
public enum Arrival
{
    /// <summary>Everything up to the client's next command at once.</summary>
    Whole,

    /// <summary>One line in each read.</summary>
    ByLine,

    /// <summary>One octet in each read.</summary>
    ByOctet,
}

/// <summary>The server's side of a recorded dialogue, in memory: it sends its lines (<c>S: </c>), and expects the client's commands (<c>C: </c>) to be those that were recorded.</summary>
internal sealed class ReplayedServerStream(IReadOnlyList<string> dialogue, Arrival arrival) : Stream
{
    private readonly StringBuilder _command = new();
    private byte[] _sending = [];
    private int _line;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The recorded lines that were not used.</summary>
    public IEnumerable<string> Rest => dialogue.Skip(_line);

    public override int Read(Span<byte> buffer)
    {
        while (_sending.Length == 0 || arrival == Arrival.Whole)
        {
            if (_line == dialogue.Count || dialogue[_line] is not ['S', ':', ' ', .. var said])
            {
                break;
            }

            _sending = [.. _sending, .. Encoding.Latin1.GetBytes(said + "\r\n")];
            _line++;
        }

        if (_sending.Length == 0 && _line < dialogue.Count)
        {
            throw new InvalidOperationException($"The client waits for a reply, and the server for \"{dialogue[_line]}\".");
        }

        var count = Math.Min(arrival == Arrival.ByOctet ? 1 : _sending.Length, Math.Min(buffer.Length, _sending.Length));
        _sending.AsSpan(0, count).CopyTo(buffer);
        _sending = _sending[count..];
        return count;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_line == dialogue.Count)
        {
            // The connection is closed, or TLS begins: nothing more was recorded.
            return;
        }

        _command.Append(Encoding.ASCII.GetString(buffer));
        if (_command is not [.., '\n'])
        {
            return;
        }

        if (dialogue[_line] != $"C: {_command.ToString().TrimEnd()}")
        {
            throw new InvalidOperationException($"The client said \"{_command.ToString().TrimEnd()}\" in place of \"{dialogue[_line]}\".");
        }

        _command.Clear();
        _line++;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
