using MimeKit;

namespace StsFunctions.Notifications;

/// <summary>Warnings as mail messages.</summary>
internal static class MailMessages
{
    /// <summary>The message; its Message-ID is the warning's own, so that a second copy is known for one.</summary>
    public static MimeMessage ToMessage(this NotificationEmail mail, EmailOptions options, DateTimeOffset date)
    {
        var message = new MimeMessage
        {
            Subject = mail.Subject,
            Date = date,
            MessageId = $"{mail.Id:N}@{options.From!.Domain}",
            Priority = mail.IsUrgent ? MessagePriority.Urgent : MessagePriority.Normal,
            Body = new TextPart("plain") { Text = mail.Text },
        };
        message.From.Add(options.From);
        message.To.AddRange(options.To);
        // No vacation notice should answer (RFC 3834 §5).
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }
}
