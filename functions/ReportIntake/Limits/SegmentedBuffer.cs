namespace StsFunctions.ReportIntake.Limits;

/// <summary>
/// Buffers bytes of unknown length. A buffer that doubles holds up to twice its content, and three times while it grows; this
/// one holds at most one segment too much, and leases each segment before it allocates it.
/// </summary>
/// <param name="take">Called with the size of a segment, in bytes, before it is allocated; its exceptions pass through.</param>
internal sealed class SegmentedBuffer(Action<long> take)
{
    /// <summary>Below the size of .NET's large object heap, which is collected last.</summary>
    public const int SegmentBytes = 64 * 1024;

    /// <summary>Most reports fit into the first segment, and an idle sender uses no more than this.</summary>
    public const int FirstSegmentBytes = 4 * 1024;

    private readonly List<byte[]> _segments = [];
    private int _filled;

    /// <summary>The number of received bytes.</summary>
    public long Length { get; private set; }

    /// <summary>The allocated bytes.</summary>
    public long Capacity { get; private set; }

    /// <summary>Reads from a stream; 0 at its end.</summary>
    public async ValueTask<int> ReadFromAsync(Stream stream, CancellationToken cancellationToken)
    {
        if (_segments is [] || _filled == _segments[^1].Length)
        {
            var size = _segments is [] ? FirstSegmentBytes : SegmentBytes;
            take(size);
            _segments.Add(GC.AllocateUninitializedArray<byte>(size));
            (Capacity, _filled) = (Capacity + size, 0);
        }

        var read = await stream.ReadAsync(_segments[^1].AsMemory(_filled), cancellationToken);
        (_filled, Length) = (_filled + read, Length + read);
        return read;
    }

    /// <summary>Copies all of it into one array.</summary>
    public byte[] ToArray()
    {
        var all = GC.AllocateUninitializedArray<byte>((int)Length);
        var copied = 0;
        foreach (var segment in _segments)
        {
            var count = Math.Min(segment.Length, all.Length - copied);
            segment.AsSpan(0, count).CopyTo(all.AsSpan(copied));
            copied += count;
        }

        return all;
    }
}
