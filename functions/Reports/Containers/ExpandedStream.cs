namespace StsFunctions.Reports.Containers;

/// <summary>What comes out of a decompressor, counted as it comes.</summary>
internal sealed class ExpandedStream(Stream decompressor, long compressed, Allowance allowance) : OneWayStream
{
    private long _expanded;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await decompressor.ReadAsync(buffer, cancellationToken);
        _expanded += read;
        allowance.TakeExpanded(read, _expanded, compressed);
        return read;
    }
}
