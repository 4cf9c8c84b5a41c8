using StsFunctions.Core.Text;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.ReportIntake;

/// <summary>Reads reports from any container: bare JSON, gzip, zip, a mail, and one of these in another. The content decides, not a label (RFC 8460 §5.3, ARR-1).</summary>
internal sealed class ReportReader(ReportLimitsOptions limits, TimeProvider time, IntakeMemory? memory = null)
{
    // Storage accepts no date before 1601, and there were no reports before the first draft of TLSRPT.
    private const int FirstYear = 2015;

    // A sender's clock may be wrong, and its day may begin earlier.
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(2);

    private readonly TlsReportLimits _limits = new() { MaxBytes = limits.MaxExpandedBytes };

    /// <summary>Reads every report in <paramref name="body"/>; at least one.</summary>
    /// <exception cref="UnreadableReportException">There is none, or it exceeds a limit.</exception>
    public async Task<UnpackedReports> ReadAsync(MemoryStream body, CancellationToken cancellationToken)
    {
        var unpacker = new Unpacker(limits, (int)body.Length, ReadBodyAsync);
        try
        {
            // The caller owns the buffer, which is stored unchanged.
            return await unpacker.OpenAllAsync(body.GetBuffer().AsMemory(0, (int)body.Length), cancellationToken);
        }
        finally
        {
            (body as ReportBody)?.ReleaseReading(unpacker.HeldBytes);
        }
    }

    /// <summary>Reads an arrival up to the size limit, and waits until there is memory to read it.</summary>
    /// <exception cref="UnreadableReportException">It is larger than the limit.</exception>
    public async Task<ReportBody> BufferAsync(Stream raw, CancellationToken cancellationToken)
    {
        var buffer = new SegmentedBuffer(_ => { });
        var ended = await FillAsync(buffer, raw, SegmentedBuffer.FirstSegmentBytes + SegmentedBuffer.SegmentBytes, cancellationToken);
        if (memory is null)
        {
            ended = ended || await FillAsync(buffer, raw, long.MaxValue, cancellationToken);
            return new ReportBody(buffer.ToArray(), lease: null);
        }

        // Wait only once, and before more is read: a waiting caller must not hold memory that others wait for. The size of a larger one is known only at its end.
        var lease = await memory.Reading.LeaseAsync(memory.ForReading(ended ? buffer.Length : limits.MaxBytes), cancellationToken);
        try
        {
            ended = ended || await FillAsync(buffer, raw, long.MaxValue, cancellationToken);
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

    // True at the end of the stream; false once this many bytes are there.
    private async Task<bool> FillAsync(SegmentedBuffer buffer, Stream raw, long until, CancellationToken cancellationToken)
    {
        while (buffer.Length < until)
        {
            if (await buffer.ReadFromAsync(raw, cancellationToken) == 0)
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

    private async Task<ReadReport> ReadBodyAsync(Stream json, PartContext origin, long heldBytes, CancellationToken cancellationToken)
    {
        var allocated = GC.GetTotalAllocatedBytes();
        try
        {
            // What does not fit is summed or omitted, and noted.
            var bodyLimits = _limits with { MaxHeldBytes = (int)Math.Min(_limits.MaxHeldBytes, heldBytes) };
            var (report, digest) = await PrefetchReader.ReadAsync(json, ahead => TlsReportReader.ReadAsync(ahead, origin.Envelope, bodyLimits, cancellationToken).AsTask(), cancellationToken);
            return report.Start.Year >= FirstYear && report.Start <= time.GetUtcNow() + Ahead
                ? new ReadReport(report, ContentHash.OfDigest(digest), origin.Mail)
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
