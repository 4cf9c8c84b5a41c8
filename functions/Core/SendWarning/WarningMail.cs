using System.Globalization;
using System.Text;
using StsFunctions.Domains;

namespace StsFunctions.SendWarning;

/// <summary>One mail: what changed at one domain, in plain text.</summary>
/// <param name="Id">Stays the same however often the mail is tried.</param>
/// <param name="Subject">One line.</param>
/// <param name="Text">The body.</param>
/// <param name="IsUrgent">Whether mail is refused now.</param>
internal sealed record WarningMail(Guid Id, string Subject, string Text, bool IsUrgent)
{
    /// <summary>Writes the mail for some warnings of one partition.</summary>
    public static WarningMail Of(Guid id, string partition, IReadOnlyList<PendingWarning> warnings)
    {
        var where = partition == Keys.Operator ? "this installation" : partition;
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
                .AppendLine(CultureInfo.InvariantCulture, $"  seen:     {warning.At:yyyy-MM-dd HH:mm} UTC; {finding.Evidence}");
            if (!warning.Change.IsEnd())
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  meaning:  {finding.Meaning}")
                    .AppendLine(CultureInfo.InvariantCulture, $"  remedy:   {finding.Remedy}")
                    .AppendLine(CultureInfo.InvariantCulture, $"  rule:     {finding.Rfc}");
            }

            text.AppendLine(CultureInfo.InvariantCulture, $"  id:       {warning.Key[Keys.OutboxPrefix.Length..]}");
        }

        return new WarningMail(id, subject, text.ToString(), warnings.Any(w => !w.Change.IsEnd() && w.Finding.Severity == Severity.Critical));
    }

    private static string Word(PendingWarning warning) => warning.Change switch
    {
        Change.Resolved => "resolved",
        Change.NoLongerReported => "no longer reported",
        Change.Escalated => $"{warning.Finding.Severity.ToString().ToLowerInvariant()}, worse than before",
        _ => warning.Finding.Severity.ToString().ToLowerInvariant(),
    };
}
