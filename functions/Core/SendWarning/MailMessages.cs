using MimeKit;

namespace StsFunctions.SendWarning;

/// <summary>Warnings as mail messages.</summary>
internal static class MailMessages
{
    /// <summary>The message; its Message-ID is the warning's own, so that a second copy is known for one.</summary>
    public static MimeMessage ToMessage(this WarningMail mail, WarningSettings settings, DateTimeOffset date)
    {
        var message = new MimeMessage
        {
            Subject = mail.Subject,
            Date = date,
            MessageId = $"{mail.Id:N}@{settings.From!.Domain}",
            Priority = mail.IsUrgent ? MessagePriority.Urgent : MessagePriority.Normal,
            Body = new TextPart("plain") { Text = mail.Text },
        };
        message.From.Add(settings.From);
        message.To.AddRange(settings.To);
        // Nobody's vacation notice should answer (RFC 3834 §5).
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }
}
