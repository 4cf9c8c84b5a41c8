using System.Net;
namespace StsFunctions.Reports;

/// <summary>Takes in bodies that are posted, within the memory of this instance and within a time that grows with what has come.</summary>
internal sealed class PostedBodyReader(ReportLimitsOptions limits, IntakeMemory memory, TimeProvider time)
{
    /// <summary>How long any body may take. A report of a few kilobytes takes no second.</summary>
    public static readonly TimeSpan FreeTime = TimeSpan.FromSeconds(30);

    /// <summary>How fast a body must come beyond that, so that the largest of <c>Sts__ReportMaxBytes</c> has less than two minutes.</summary>
    public const int MinBytesPerSecond = 128 * 1024;

    /// <summary>How long a body that is there waits until there is memory to read it: the reading of the largest report takes a tenth of this.</summary>
    public static readonly TimeSpan MemoryWait = TimeSpan.FromSeconds(10);

    /// <summary>When to come again where there is no memory: by then, slow bodies have come or were given up.</summary>
    public static readonly TimeSpan MemoryAwaited = FreeTime;

    /// <summary>Takes in what anybody posts. Its memory is leased as it comes, whatever length it claims to have.</summary>
    /// <exception cref="UnreadableReportException">It is larger than is read.</exception>
    /// <exception cref="IntakeRefusedException">There is no memory for it now, or it comes too slowly.</exception>
    public async Task<ReportBody> ReadAsync(Stream body, CancellationToken cancellation)
    {
        using var lease = memory.Posts.TryLease(0) ?? throw NoMemory();
        var buffer = new SegmentedBuffer(more =>
        {
            if (!lease.TryGrow(more))
            {
                throw NoMemory();
            }
        });
        await FillAsync(buffer, body, cancellation);
        return await WholeAsync(buffer, memory.ForReading(buffer.Length), cancellation);
    }

    /// <summary>Takes in a mail from whoever has shown the secret for it. It is stored and not read, and its claim of a length is believed.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public async Task<ReportBody> ReadMailAsync(Stream body, long? length, CancellationToken cancellation)
    {
        // Twice: what has come is held once more in one piece.
        var lease = await LeaseAsync(2 * Math.Min(length ?? limits.MaxBytes, limits.MaxBytes), cancellation);
        try
        {
            var buffer = new SegmentedBuffer(_ => { });
            await FillAsync(buffer, body, cancellation);
            var whole = new ReportBody(buffer.ToArray(), lease);
            whole.ReleaseReading();
            return whole;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    private async Task FillAsync(SegmentedBuffer buffer, Stream body, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        using var limit = new CancellationTokenSource(FreeTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            while (await buffer.ReadFromAsync(body, either.Token) > 0)
            {
                if (buffer.Length > limits.MaxBytes)
                {
                    throw new UnreadableReportException($"The report is larger than {limits.MaxBytes} bytes.", isTooLarge: true);
                }

                var left = FreeTime + TimeSpan.FromSeconds((double)buffer.Length / MinBytesPerSecond) - time.GetElapsedTime(began);
                limit.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            // RFC 9110 §15.5.9.
            throw new IntakeRefusedException((int)HttpStatusCode.RequestTimeout, "The body did not come in time; send it again.");
        }
    }

    private async Task<ReportBody> WholeAsync(SegmentedBuffer buffer, long bytes, CancellationToken cancellation)
    {
        var lease = await LeaseAsync(bytes, cancellation);
        try
        {
            return new ReportBody(buffer.ToArray(), lease);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    private async Task<MemoryLease> LeaseAsync(long bytes, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(MemoryWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            return await memory.Reading.LeaseAsync(bytes, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw NoMemory();
        }
    }

    private static IntakeRefusedException NoMemory() =>
        new((int)HttpStatusCode.ServiceUnavailable, "Too many reports come at the moment; send it again later.", MemoryAwaited);
}
