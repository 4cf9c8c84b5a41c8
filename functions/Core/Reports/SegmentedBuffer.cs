namespace StsFunctions.Reports;

/// <summary>
/// Bytes whose number is not known before they have come. A buffer that doubles holds twice as much as it was given, and three times while it grows; this
/// one never holds more than a segment too much, and asks for each segment before it takes it.
/// </summary>
/// <param name="take">Called with the size of a segment, in bytes, before it is allocated; what it throws passes through.</param>
internal sealed class SegmentedBuffer(Action<long> take)
{
    /// <summary>Below the size from which on .NET keeps an array in the large object heap, which is cleaned up last.</summary>
    public const int SegmentBytes = 64 * 1024;

    /// <summary>Most reports fit in the first segment, and whoever sends nothing holds no more than this.</summary>
    public const int FirstSegmentBytes = 4 * 1024;

    private readonly List<byte[]> _segments = [];
    private int _filled;

    /// <summary>How many bytes have come.</summary>
    public long Length { get; private set; }

    /// <summary>How much memory is held.</summary>
    public long Capacity { get; private set; }

    /// <summary>Takes what a stream gives next; 0 at its end.</summary>
    public async ValueTask<int> ReadFromAsync(Stream stream, CancellationToken cancellation)
    {
        if (_segments is [] || _filled == _segments[^1].Length)
        {
            var size = _segments is [] ? FirstSegmentBytes : SegmentBytes;
            take(size);
            _segments.Add(GC.AllocateUninitializedArray<byte>(size));
            (Capacity, _filled) = (Capacity + size, 0);
        }

        var read = await stream.ReadAsync(_segments[^1].AsMemory(_filled), cancellation);
        (_filled, Length) = (_filled + read, Length + read);
        return read;
    }

    /// <summary>All of it in one piece.</summary>
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
