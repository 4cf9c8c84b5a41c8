using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>The deviations from RFC 8460 §5 in the container of a report that are tolerated.</summary>
internal static class ContainerDeviation
{
    /// <summary>A zip file.</summary>
    public static Deviation Zip { get; } = new("zip", "RFC 8460 §5.2 knows gzip alone; tools made for DMARC write zip files");

    /// <summary>A media type that is not that of the content.</summary>
    public static Deviation WrongMediaType { get; } = new("wrong-media-type", "Mail gateways relabel types that they do not know; the content decides");

    /// <summary>A mail that is not multipart/report with report-type tlsrpt.</summary>
    public static Deviation NotMultipartReport { get; } = new("not-multipart-report", "RFC 8460 §5.3 asks for it; many senders attach the report to an ordinary mail");

    /// <summary>A mail within a mail.</summary>
    public static Deviation Forwarded { get; } = new("forwarded", "Mailing lists and people forward reports as attachments");

    /// <summary>A whole mail, compressed.</summary>
    public static Deviation CompressedMail { get; } = new("compressed-mail", "Archives and gateways drop mails so");

    /// <summary>Compressed twice.</summary>
    public static Deviation CompressedTwice { get; } = new("compressed-twice", "A web server compressed it again");

    /// <summary>More than one gzip member, or something after the member.</summary>
    public static Deviation SeveralMembers { get; } = new("several-gzip-members", "RFC 1952 §2.2 allows several; anything else after them is ignored, because the report before it is complete");
}
