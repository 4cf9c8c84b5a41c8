using System.Buffers;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Reports.Containers;

namespace StsFunctions.Reports;

/// <summary>Reads reports out of whatever they come in: bare JSON, gzip, zip, a mail, and one of these in another. The content decides, not a label (RFC 8460 §5.3, ARR-1).</summary>
internal sealed class ReportReader(ReportLimitsOptions limits, TimeProvider time)
{
    // Storage takes no date before 1601, and nobody reported before there was a draft to report by.
    private const int FirstYear = 2015;

    // A sender's clock may be wrong, and its day begins before ours.
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(2);

    private readonly TlsReportLimits _limits = new() { MaxBytes = limits.MaxExpandedBytes };

    /// <summary>Reads every report in <paramref name="body"/>; at least one.</summary>
    /// <exception cref="UnreadableReportException">There is none, or it exceeds a limit.</exception>
    public Task<OpenedArrival> ReadAsync(MemoryStream body, CancellationToken cancellation) =>
        // The buffer stays the caller's: it is stored as it came.
        new Unpacker(limits, ReadBodyAsync).OpenAllAsync(body.GetBuffer().AsMemory(0, (int)body.Length), cancellation);

    /// <summary>Takes in what has arrived, up to the size that is read.</summary>
    /// <exception cref="UnreadableReportException">It is larger.</exception>
    public async Task<MemoryStream> BufferAsync(Stream raw, CancellationToken cancellation)
    {
        var body = new MemoryStream();
        var buffer = ArrayPool<byte>.Shared.Rent(65_536);
        try
        {
            int read;
            while ((read = await raw.ReadAsync(buffer, cancellation)) > 0)
            {
                if (body.Length + read > limits.MaxBytes)
                {
                    throw new UnreadableReportException($"The report is larger than {limits.MaxBytes} bytes.", isTooLarge: true);
                }

                body.Write(buffer, 0, read);
            }

            return body;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<ReadReport> ReadBodyAsync(Stream json, Origin origin, CancellationToken cancellation)
    {
        try
        {
            var (report, digest) = await ReadAhead.ReadAsync(json, ahead => TlsReportReader.ReadAsync(ahead, origin.Envelope, _limits, cancellation).AsTask(), cancellation);
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
    }
}
