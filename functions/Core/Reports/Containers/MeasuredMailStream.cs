namespace StsFunctions.Reports.Containers;

/// <summary>A mail on its way into a parser, which is told of each piece before the parser sees it: a parser tells of a header field only once it holds all of it.</summary>
internal sealed class MeasuredMailStream(Stream mail, MailLimits limits) : OneWayStream
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
