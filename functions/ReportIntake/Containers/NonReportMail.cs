using MimeKit;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>Recognizes other mail that often arrives at a report address.</summary>
internal static class NonReportMail
{
    /// <summary>Describes the mail if it is one of these; otherwise null.</summary>
    public static string? Of(MimeMessage mail)
    {
        var subject = mail.Subject ?? "";
        return ReportType(mail)?.ToLowerInvariant() switch
        {
            "delivery-status" => "a delivery status notification (a bounce)",
            "disposition-notification" => "a receipt",
            "feedback-report" => "an abuse report",
            _ when subject.StartsWith("Cron <", StringComparison.OrdinalIgnoreCase) || mail.Headers.Contains("X-Cron-Env") => "a mail of cron",
            _ when mail.Headers["Auto-Submitted"]?.StartsWith("auto-replied", StringComparison.OrdinalIgnoreCase) == true => "an automatic reply",
            _ => null,
        };
    }

    private static string? ReportType(MimeMessage mail) =>
        mail.Body?.ContentType is { } type && type.IsMimeType("multipart", "report") ? type.Parameters["report-type"] : null;
}
