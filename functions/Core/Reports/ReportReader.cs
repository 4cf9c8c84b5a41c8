using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Reports.Containers;

namespace StsFunctions.Reports;

/// <summary>Reads reports out of whatever they come in: bare JSON, gzip, zip, a mail, and one of these in another. The content decides, not a label (RFC 8460 §5.3, ARR-1).</summary>
internal sealed class ReportReader(ReportLimitsOptions limits, TimeProvider time, IntakeMemory? memory = null)
{
    // Storage takes no date before 1601, and nobody reported before there was a draft to report by.
    private const int FirstYear = 2015;

    // A sender's clock may be wrong, and its day begins before ours.
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(2);

    private readonly TlsReportLimits _limits = new() { MaxBytes = limits.MaxExpandedBytes };

    /// <summary>Reads every report in <paramref name="body"/>; at least one.</summary>
    /// <exception cref="UnreadableReportException">There is none, or it exceeds a limit.</exception>
    public async Task<OpenedArrival> ReadAsync(MemoryStream body, CancellationToken cancellation)
    {
        var unpacker = new Unpacker(limits, (int)body.Length, ReadBodyAsync);
        try
        {
            // The buffer stays the caller's: it is stored as it came.
            return await unpacker.OpenAllAsync(body.GetBuffer().AsMemory(0, (int)body.Length), cancellation);
        }
        finally
        {
            (body as ReportBody)?.ReleaseReading(unpacker.HeldBytes);
        }
    }

    /// <summary>Takes in what has arrived, up to the size that is read, and waits until there is memory to read it.</summary>
    /// <exception cref="UnreadableReportException">It is larger.</exception>
    public async Task<ReportBody> BufferAsync(Stream raw, CancellationToken cancellation)
    {
        var buffer = new SegmentedBuffer(_ => { });
        var ended = await FillAsync(buffer, raw, SegmentedBuffer.FirstSegmentBytes + SegmentedBuffer.SegmentBytes, cancellation);
        if (memory is null)
        {
            ended = ended || await FillAsync(buffer, raw, long.MaxValue, cancellation);
            return new ReportBody(buffer.ToArray(), lease: null);
        }

        // Once, and before more is taken in than that: who waits for memory must not hold what others wait for. How large a larger one is shows only at its end.
        var lease = await memory.Reading.LeaseAsync(memory.ForReading(ended ? buffer.Length : limits.MaxBytes), cancellation);
        try
        {
            ended = ended || await FillAsync(buffer, raw, long.MaxValue, cancellation);
            var body = new ReportBody(buffer.ToArray(), lease);
            lease.ShrinkTo(memory.ForReading(body.Length));
            return body;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    // True at the end of the stream; false once there is at least so much.
    private async Task<bool> FillAsync(SegmentedBuffer buffer, Stream raw, long until, CancellationToken cancellation)
    {
        while (buffer.Length < until)
        {
            if (await buffer.ReadFromAsync(raw, cancellation) == 0)
            {
                return true;
            }

            if (buffer.Length > limits.MaxBytes)
            {
                throw new UnreadableReportException($"The report is larger than {limits.MaxBytes} bytes.", isTooLarge: true);
            }
        }

        return false;
    }

    private async Task<ReadReport> ReadBodyAsync(Stream json, Origin origin, long heldBytes, CancellationToken cancellation)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        try
        {
            // What there is no room for is summed or left out, and noted.
            var limits = _limits with { MaxHeldBytes = (int)Math.Min(_limits.MaxHeldBytes, heldBytes) };
            var (report, digest) = await ReadAhead.ReadAsync(json, ahead => TlsReportReader.ReadAsync(ahead, origin.Envelope, limits, cancellation).AsTask(), cancellation);
            return report.Start.Year >= FirstYear && report.Start <= time.GetUtcNow() + Ahead
                ? new ReadReport(report, Keys.OfDigest(digest), origin.Mail)
                {
                    Notes = [.. origin.Notes, .. report.Notes],
                    FileName = origin.FileName,
                    HeaderDomain = origin.HeaderDomain,
                    HeaderSubmitter = origin.HeaderSubmitter,
                }
                : throw new UnreadableReportException($"The report's range begins {report.Start:u}, which is not of this time.", why: Unreadable.Refused);
        }
        catch (ProtocolException e) when (e.Rule == TlsReportReader.UnattributedRule)
        {
            throw new UnreadableReportException($"unattributed: {e.Message}", cause: e, why: Unreadable.Unattributed);
        }
        catch (ProtocolException e)
        {
            throw new UnreadableReportException($"Not a TLS report (RFC 8460 §4.4): {e.Message}", cause: e, why: e.Rule == TlsReportReader.NoReportRule ? Unreadable.NoReport : Unreadable.Refused);
        }
        finally
        {
            // One file may hold fifty of them.
            if (GC.GetTotalAllocatedBytes() - allocated >= IntakeMemory.LargeBytes)
            {
                memory?.CollectWhereDue();
            }
        }
    }
}
