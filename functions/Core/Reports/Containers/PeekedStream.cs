namespace StsFunctions.Reports.Containers;

/// <summary>A stream whose first bytes were looked at, and that is still read from its beginning.</summary>
internal sealed class PeekedStream : OneWayStream
{
    private readonly Stream _inner;
    private readonly byte[] _head;
    private int _given;

    private PeekedStream(Stream inner, byte[] head) => (_inner, _head) = (inner, head);

    /// <summary>The first bytes.</summary>
    public ReadOnlySpan<byte> Head => _head;

    public static async Task<PeekedStream> OpenAsync(Stream inner, CancellationToken cancellation)
    {
        var head = new byte[Content.HeadLength];
        var length = await inner.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellation);
        return new PeekedStream(inner, head[..length]);
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
