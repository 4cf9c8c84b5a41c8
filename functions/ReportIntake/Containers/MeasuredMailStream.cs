using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>Measures a mail on its way into a parser, piece by piece: the parser reports a header field only after it has stored all of it.</summary>
internal sealed class MeasuredMailStream(Stream mail, MailLimits limits) : ReadOnlyForwardStream
{
    /// <inheritdoc/>
    /// <exception cref="UnreadableReportException">The piece belongs to a header field that is too long.</exception>
    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = mail.Read(buffer, offset, count);
        limits.TakeBytes(read);
        return read;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
