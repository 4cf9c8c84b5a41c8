namespace StsFunctions.ReportIntake.Containers;

/// <summary>A stream that is read from its beginning after its first bytes were inspected.</summary>
internal sealed class PeekableStream : ReadOnlyForwardStream
{
    private readonly Stream _inner;
    private readonly byte[] _head;
    private int _given;

    private PeekableStream(Stream inner, byte[] head) => (_inner, _head) = (inner, head);

    /// <summary>The first bytes.</summary>
    public ReadOnlySpan<byte> Head => _head;

    public static async Task<PeekableStream> OpenAsync(Stream inner, CancellationToken cancellationToken)
    {
        var head = new byte[Content.HeadLength];
        var length = await inner.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
        return new PeekableStream(inner, head[..length]);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_given == _head.Length)
        {
            return _inner.ReadAsync(buffer, cancellationToken);
        }

        var length = Math.Min(buffer.Length, _head.Length - _given);
        _head.AsMemory(_given, length).CopyTo(buffer);
        _given += length;
        return ValueTask.FromResult(length);
    }
}
