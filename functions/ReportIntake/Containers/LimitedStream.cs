namespace StsFunctions.ReportIntake.Containers;

/// <summary>Counts the output of a decompressor.</summary>
internal sealed class LimitedStream(Stream decompressor, long compressed, UnpackBudget allowance) : ReadOnlyForwardStream
{
    /// <summary>The number of bytes read so far.</summary>
    public long Taken { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await decompressor.ReadAsync(buffer, cancellationToken);
        Taken += read;
        allowance.TakeExpanded(read, Taken, compressed);
        return read;
    }
}
