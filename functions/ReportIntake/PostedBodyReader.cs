using System.Net;
using StsFunctions.ReportIntake.Limits;
namespace StsFunctions.ReportIntake;

/// <summary>Reads posted bodies within the memory limit of this instance and within a time limit that grows with the received bytes.</summary>
internal sealed class PostedBodyReader(ReportLimitsOptions limits, IntakeMemory memory, TimeProvider time)
{
    /// <summary>The time limit of any body. A report of a few kilobytes takes less than a second.</summary>
    public static readonly TimeSpan FreeTime = TimeSpan.FromSeconds(30);

    /// <summary>The least rate of a body beyond that, so that the largest of <c>Sts__ReportMaxBytes</c> has less than two minutes.</summary>
    public const int MinBytesPerSecond = 128 * 1024;

    /// <summary>How long a received body waits for memory to read it: reading the largest report takes a tenth of this.</summary>
    public static readonly TimeSpan MemoryWait = TimeSpan.FromSeconds(10);

    /// <summary>When to retry if there is no memory: by then, slow bodies have arrived or were cancelled.</summary>
    public static readonly TimeSpan MemoryAwaited = FreeTime;

    /// <summary>Reads a posted report. Its memory is leased as it arrives, whatever length the sender gives.</summary>
    /// <exception cref="UnreadableReportException">It is too large.</exception>
    /// <exception cref="IntakeRefusedException">There is no memory for it now, or it arrives too slowly.</exception>
    public async Task<ReportBody> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        using var lease = memory.Posts.TryLease(0) ?? throw NoMemory();
        var buffer = new SegmentedBuffer(more =>
        {
            if (!lease.TryGrow(more))
            {
                throw NoMemory();
            }
        });
        await FillAsync(buffer, body, cancellationToken);
        return await WholeAsync(buffer, memory.ForReading(buffer.Length), cancellationToken);
    }

    /// <summary>Reads a mail from a sender that has the secret. It is only stored, and its given length is trusted.</summary>
    /// <inheritdoc cref="ReadAsync"/>
    public async Task<ReportBody> ReadMailAsync(Stream body, long? length, CancellationToken cancellationToken)
    {
        // Twice: the received bytes are copied once into one array.
        var lease = await LeaseAsync(2 * Math.Min(length ?? limits.MaxBytes, limits.MaxBytes), cancellationToken);
        try
        {
            var buffer = new SegmentedBuffer(_ => { });
            await FillAsync(buffer, body, cancellationToken);
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

    private async Task FillAsync(SegmentedBuffer buffer, Stream body, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        using var limit = new CancellationTokenSource(FreeTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
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
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // RFC 9110 §15.5.9.
            throw new IntakeRefusedException((int)HttpStatusCode.RequestTimeout, "The body did not come in time; send it again.");
        }
    }

    private async Task<ReportBody> WholeAsync(SegmentedBuffer buffer, long bytes, CancellationToken cancellationToken)
    {
        var lease = await LeaseAsync(bytes, cancellationToken);
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

    private async Task<MemoryLease> LeaseAsync(long bytes, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(MemoryWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await memory.Reading.LeaseAsync(bytes, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw NoMemory();
        }
    }

    private static IntakeRefusedException NoMemory() =>
        new((int)HttpStatusCode.ServiceUnavailable, "Too many reports arrive at the moment; send it again later.", MemoryAwaited);
}
