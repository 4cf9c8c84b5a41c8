using MimeKit;

namespace StsFunctions.Reports.Containers;

/// <summary>Counts the parts and headers of a mail before anything is made of them: each of a million tiny parts would cost a thousand times its bytes.</summary>
internal sealed class MailCensus(ParserOptions options, Stream mail, ReportLimitsOptions limits) : MimeReader(options, mail, MimeFormat.Entity)
{
    // A mail that went through many relays, each of which signed it, has a tenth of this.
    private const int MaxHeaders = 2_000;

    private int _entities;
    private int _headers;

    protected override void OnHeaderRead(Header header, int beginLineNumber, CancellationToken cancellationToken)
    {
        if (++_headers > MaxHeaders)
        {
            throw Allowance.Over($"The mail has more than the {MaxHeaders} header fields that are read.");
        }
    }

    protected override void OnMimePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    protected override void OnMessagePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    protected override void OnMultipartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    private void Count()
    {
        if (++_entities > limits.MaxParts)
        {
            throw Allowance.Over($"The mail has more than the {limits.MaxParts} parts that are looked at (Sts__ReportMaxParts).");
        }
    }
}
