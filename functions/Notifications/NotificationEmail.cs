using System.Globalization;
using System.Text;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;

namespace StsFunctions.Notifications;

/// <summary>One mail: the changes of one domain, in plain text.</summary>
/// <param name="Id">The same for every attempt to send the mail.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">The body.</param>
/// <param name="IsUrgent">Whether a critical finding is among the changes.</param>
internal sealed record NotificationEmail(Guid Id, string Subject, string Text, bool IsUrgent)
{
    /// <summary>Writes the mail for some notifications of one partition.</summary>
    public static NotificationEmail Of(Guid id, string partition, IReadOnlyList<OutboxNotification> warnings)
    {
        var where = partition == Installation.Partition ? "this installation" : partition;
        var worst = warnings.OrderBy(w => w.Change.IsEnd()).ThenByDescending(w => w.Finding.Severity).First();
        var more = warnings.Count == 1 ? "" : $" and {warnings.Count - 1} more";
        var subject = $"[{Word(worst)}] {where}: {MailSubject.NameOf(worst.Finding)}{more}";

        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"MTA-STS of {where}: {warnings.Count} change(s).");
        foreach (var warning in warnings)
        {
            var finding = warning.Finding;
            text.AppendLine()
                .AppendLine(CultureInfo.InvariantCulture, $"{Word(warning).ToUpperInvariant()}  {finding.Code}  {finding.Subject}")
                .AppendLine(CultureInfo.InvariantCulture, $"  observed: {warning.At:yyyy-MM-dd HH:mm} UTC; {finding.Evidence}");
            if (!warning.Change.IsEnd())
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  meaning:  {finding.Meaning}")
                    .AppendLine(CultureInfo.InvariantCulture, $"  remedy:   {finding.Remedy}")
                    .AppendLine(CultureInfo.InvariantCulture, $"  rule:     {finding.Rfc}");
            }

            text.AppendLine(CultureInfo.InvariantCulture, $"  id:       {warning.Id}");
        }

        return new NotificationEmail(id, subject, text.ToString(), warnings.Any(w => !w.Change.IsEnd() && w.Finding.Severity == Severity.Critical));
    }

    private static string Word(OutboxNotification warning) => warning.Change switch
    {
        Change.Resolved => "resolved",
        Change.NoLongerReported => "no longer reported",
        Change.Escalated => $"{warning.Finding.Severity.ToString().ToLowerInvariant()}, worse than before",
        _ => warning.Finding.Severity.ToString().ToLowerInvariant(),
    };
}
