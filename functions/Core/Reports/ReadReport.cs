using MimeKit;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Reports;

/// <summary>What was read of one arrival.</summary>
/// <param name="Reports">Every report in it; at least one.</param>
/// <param name="LeftOut">Why something else in it that should be a report could not be read; null where there is none.</param>
internal sealed record OpenedArrival(IReadOnlyList<ReadReport> Reports, string? LeftOut)
{
    /// <summary>The one mail that all of it came in; null where there is none, or more than one.</summary>
    public MimeMessage? OneMail => LeftOut is null && Reports.Select(report => report.Mail).Distinct().ToList() is [{ } mail] ? mail : null;
}

/// <summary>A report that was read.</summary>
/// <param name="Report">What it says.</param>
/// <param name="BodyHash">Tells it from another: made of its JSON, whatever that came in.</param>
/// <param name="Mail">The outermost mail that it came in; null if it came in none.</param>
internal sealed record ReadReport(TlsReport Report, string BodyHash, MimeMessage? Mail = null)
{
    /// <summary>Whether it came in a mail.</summary>
    public bool ByMail => Mail is not null;

    /// <summary>How it and what it came in deviate from RFC 8460, each way once.</summary>
    public IReadOnlyList<ReportNote> Notes { get; init; } = [];

    /// <summary>The name of its file, where it had one (RFC 8460 §5.1).</summary>
    public string? FileName { get; init; }

    /// <summary>The header <c>TLS-Report-Domain</c> of its mail (RFC 8460 §5.3).</summary>
    public string? HeaderDomain { get; init; }

    /// <summary>The header <c>TLS-Report-Submitter</c> of its mail (RFC 8460 §5.3).</summary>
    public string? HeaderSubmitter { get; init; }
}
