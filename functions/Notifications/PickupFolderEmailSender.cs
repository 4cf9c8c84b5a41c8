namespace StsFunctions.Notifications;

/// <summary>Mail into a folder, one <c>.eml</c> file each: for a developer's machine.</summary>
internal sealed class PickupFolderEmailSender(EmailOptions options, TimeProvider time) : IEmailSender
{
    public Task<DeliveryState> GetStatusAsync(Guid mailId, CancellationToken cancellationToken) =>
        Task.FromResult(File.Exists(PathOf(mailId)) ? DeliveryState.Sent : DeliveryState.NotSent);

    public async Task<DeliveryState> SendAsync(NotificationEmail mail, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.MailFolder!);
        // Whole or not at all: written beside, then moved.
        var draft = PathOf(mail.Id) + ".draft";
        await mail.ToMessage(options, time.GetUtcNow()).WriteToAsync(draft, cancellationToken);
        File.Move(draft, PathOf(mail.Id), overwrite: true);
        return DeliveryState.Sent;
    }

    private string PathOf(Guid mailId) => Path.Combine(options.MailFolder!, $"{mailId:N}.eml");
}
