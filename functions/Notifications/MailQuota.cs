using StsFunctions.Core.Findings;

namespace StsFunctions.Notifications;

/// <summary>How urgent a mail is, the least urgent first.</summary>
internal enum MailPriority
{
    /// <summary>Anything else.</summary>
    Other,

    /// <summary>Mail is refused, by what senders report.</summary>
    ReportedCritical,

    /// <summary>Mail is refused, as a check of this app found.</summary>
    Critical,
}

/// <summary>
/// Which mails may leave, where the mail service takes a number an hour (Communication Services: 10 from a domain that Azure manages). The more urgent a mail is, the larger
/// is its share of that number: nothing that strangers can bring about uses up what a critical finding needs.
/// </summary>
/// <param name="perHour">How many mails an hour; null for any number.</param>
internal sealed class MailQuota(int? perHour)
{
    /// <summary>Whether there is a limit at all.</summary>
    public bool IsLimited => perHour is not null;

    /// <summary>How urgent a mail with some warnings is.</summary>
    public static MailPriority PriorityOf(IEnumerable<OutboxNotification> warnings) => warnings.Max(warning => (warning.Change.IsEnd(), warning.Finding) switch
    {
        (false, { Severity: Severity.Critical } finding) => FindingSource.Reports.Owns(finding.Code) ? MailPriority.ReportedCritical : MailPriority.Critical,
        _ => MailPriority.Other,
    });

    /// <summary>Which of some mails may leave now.</summary>
    /// <param name="mails">How urgent they are, the most urgent first.</param>
    /// <param name="sent">How many were sent in the last hour.</param>
    /// <returns>How many of them may, from the first on.</returns>
    public int CountOf(IReadOnlyList<MailPriority> mails, int sent)
    {
        if (perHour is not { } most)
        {
            return mails.Count;
        }

        // No more at a time than half of it: the limit of a minute is half that of an hour too.
        var count = 0;
        while (count < mails.Count && count < (most + 1) / 2 && sent + count < ShareOf(mails[count], most))
        {
            count++;
        }

        return count;
    }

    private static int ShareOf(MailPriority priority, int most) => priority switch
    {
        MailPriority.Critical => most,
        MailPriority.ReportedCritical => most * 3 / 4,
        _ => most / 2,
    };
}
