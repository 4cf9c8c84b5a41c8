using MimeKit;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>The result of reading one arrival.</summary>
/// <param name="Reports">The reports in it; at least one.</param>
/// <param name="LeftOut">Why another report in it could not be read; null if there is none.</param>
internal sealed record UnpackedReports(IReadOnlyList<ReadReport> Reports, string? LeftOut)
{
    /// <summary>The one mail around all of it; null if there is none, or more than one.</summary>
    public MimeMessage? OneMail => LeftOut is null && Reports.Select(report => report.Mail).Distinct().ToList() is [{ } mail] ? mail : null;
}

/// <summary>A report that was read.</summary>
/// <param name="Report">Its content.</param>
/// <param name="BodyHash">A hash of its JSON, independent of its container.</param>
/// <param name="Mail">The outermost mail around it; null if there is none.</param>
internal sealed record ReadReport(TlsReport Report, string BodyHash, MimeMessage? Mail = null)
{
    /// <summary>Whether it arrived in a mail.</summary>
    public bool ByMail => Mail is not null;

    /// <summary>The deviations of the report and its containers from RFC 8460, each once.</summary>
    public IReadOnlyList<ReportNote> Notes { get; init; } = [];

    /// <summary>The name of its file, if it had one (RFC 8460 §5.1).</summary>
    public string? FileName { get; init; }

    /// <summary>The header <c>TLS-Report-Domain</c> of its mail (RFC 8460 §5.3).</summary>
    public string? HeaderDomain { get; init; }

    /// <summary>The header <c>TLS-Report-Submitter</c> of its mail (RFC 8460 §5.3).</summary>
    public string? HeaderSubmitter { get; init; }
}
