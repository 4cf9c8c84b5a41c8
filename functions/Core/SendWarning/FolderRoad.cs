namespace StsFunctions.SendWarning;

/// <summary>Mail into a folder, one <c>.eml</c> file each: for a developer's machine.</summary>
internal sealed class FolderRoad(WarningSettings settings, TimeProvider time) : IMailRoad
{
    public Task<MailState> AskAsync(Guid mailId, CancellationToken cancellation) =>
        Task.FromResult(File.Exists(PathOf(mailId)) ? MailState.Sent : MailState.NotSent);

    public async Task<MailState> SendAsync(WarningMail mail, CancellationToken cancellation)
    {
        Directory.CreateDirectory(settings.MailFolder!);
        // Whole or not at all: written beside, then moved.
        var draft = PathOf(mail.Id) + ".draft";
        await mail.ToMessage(settings, time.GetUtcNow()).WriteToAsync(draft, cancellation);
        File.Move(draft, PathOf(mail.Id), overwrite: true);
        return MailState.Sent;
    }

    private string PathOf(Guid mailId) => Path.Combine(settings.MailFolder!, $"{mailId:N}.eml");
}
