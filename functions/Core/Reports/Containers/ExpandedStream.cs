namespace StsFunctions.Reports.Containers;

/// <summary>What comes out of a decompressor, counted as it comes.</summary>
internal sealed class ExpandedStream(Stream decompressor, long compressed, Allowance allowance) : OneWayStream
{
    /// <summary>How many bytes came out.</summary>
    public long Taken { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await decompressor.ReadAsync(buffer, cancellationToken);
        Taken += read;
        allowance.TakeExpanded(read, Taken, compressed);
        return read;
    }
}
