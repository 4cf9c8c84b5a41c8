using MimeKit;
using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>Counts and measures the parts and headers of a mail before objects are created: each of a million tiny parts would cost a thousand times its bytes.</summary>
internal sealed class MimePartCounter : MimeReader
{
    private readonly ReportLimitsOptions _settings;
    private readonly MailLimits _limits;
    private int _entities;

    public MimePartCounter(ParserOptions options, Stream mail, ReportLimitsOptions settings)
        : this(options, mail, settings, new MailLimits())
    {
    }

    private MimePartCounter(ParserOptions options, Stream mail, ReportLimitsOptions settings, MailLimits limits)
        : base(options, new MeasuredMailStream(mail, limits), MimeFormat.Entity) => (_settings, _limits) = (settings, limits);

    protected override void OnHeadersBegin(long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => _limits.BeginHeaders();

    protected override void OnHeaderRead(Header header, int beginLineNumber, CancellationToken cancellationToken) => _limits.Take(header);

    protected override void OnHeadersEnd(long beginOffset, int beginLineNumber, long endOffset, int endLineNumber, CancellationToken cancellationToken) => _limits.EndHeaders();

    protected override void OnMultipartPreambleRead(byte[] buffer, int startIndex, int count, CancellationToken cancellationToken) => _limits.TakeOutsideParts(count);

    protected override void OnMultipartEpilogueRead(byte[] buffer, int startIndex, int count, CancellationToken cancellationToken) => _limits.TakeOutsideParts(count);

    protected override void OnMimePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    protected override void OnMessagePartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken) => Count();

    protected override void OnMultipartBegin(ContentType contentType, long beginOffset, int beginLineNumber, CancellationToken cancellationToken)
    {
        MailLimits.CheckBoundary(contentType.Boundary);
        Count();
    }

    private void Count()
    {
        if (++_entities > _settings.MaxParts)
        {
            throw UnpackBudget.Over($"The mail has more than the {_settings.MaxParts} parts that are read (Sts__ReportMaxParts).");
        }
    }
}
