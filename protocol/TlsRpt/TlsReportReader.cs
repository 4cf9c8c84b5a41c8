using System.Buffers;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>Reads reports (RFC 8460 §4.4).</summary>
public static class TlsReportReader
{
    private const int FirstBufferSize = 16 * 1024;

    /// <summary>The rule for a report whose domain is named neither in it nor in its envelope.</summary>
    public const string UnattributedRule = "RFC 8460 §4.4 policy-domain";

    /// <summary>The rule for input that is not a report, such as other JSON.</summary>
    public const string NoReportRule = "RFC 8460 §4.4 policies";

    /// <summary>
    /// Reads one report from expanded JSON in one pass, holding no more of the text than its longest token.
    /// Members that RFC 8460 does not name are ignored, unknown types are stored, and deviations that leave the facts readable are noted.
    /// </summary>
    /// <param name="utf8Json">The report, UTF-8, not compressed. It is read to its end and not closed; what it throws passes through.</param>
    /// <param name="envelope">The envelope of the report: it replaces values that the report itself does not contain.</param>
    /// <param name="limits">How much to read before refusing.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="ProtocolException">The body is not one complete report, or exceeds a limit.</exception>
    public static async ValueTask<TlsReport> ReadAsync(Stream utf8Json, ReportEnvelope envelope, TlsReportLimits limits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(utf8Json);
        ArgumentNullException.ThrowIfNull(envelope);
        ArgumentNullException.ThrowIfNull(limits);
        var reader = new JsonReportReader(limits, envelope);
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBufferSize);
        try
        {
            var held = 0;
            var total = 0L;
            while (true)
            {
                // Only full buffers are parsed, so that a token split over many small reads is not parsed many times.
                var read = await utf8Json.ReadAtLeastAsync(buffer.AsMemory(held), buffer.Length - held, throwOnEndOfStream: false, cancellationToken);
                held += read;
                total += read;
                if (total > limits.MaxBytes)
                {
                    throw JsonReportReader.Refused($"The report has more than the {limits.MaxBytes} bytes allowed: split it, or raise the limit.", limits.MaxBytes);
                }

                var ended = held < buffer.Length;
                var consumed = reader.Take(buffer.AsSpan(0, held), ended);
                if (ended)
                {
                    return reader.Finish();
                }

                buffer.AsSpan(consumed, held - consumed).CopyTo(buffer);
                held -= consumed;
                if (held == buffer.Length)
                {
                    buffer = Grow(buffer, limits.MaxStringLength, total);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads one report without an envelope.</summary>
    /// <inheritdoc cref="ReadAsync(Stream, ReportEnvelope, TlsReportLimits, CancellationToken)"/>
    public static ValueTask<TlsReport> ReadAsync(Stream utf8Json, TlsReportLimits limits, CancellationToken cancellationToken) =>
        ReadAsync(utf8Json, ReportEnvelope.None, limits, cancellationToken);

    // The buffer is full of a single token that has not ended yet.
    private static byte[] Grow(byte[] buffer, int maxToken, long total)
    {
        if (buffer.Length - 2L > maxToken)
        {
            throw JsonReportReader.Refused($"A text in the report is longer than the {maxToken} bytes allowed.", total - buffer.Length);
        }

        var larger = ArrayPool<byte>.Shared.Rent(2 * buffer.Length);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}
