namespace StsFunctions.SendWarning;

/// <summary>Mail into a folder, one <c>.eml</c> file each: for a developer's machine.</summary>
internal sealed class FolderRoad(EmailOptions options, TimeProvider time) : IMailRoad
{
    public Task<MailState> AskAsync(Guid mailId, CancellationToken cancellation) =>
        Task.FromResult(File.Exists(PathOf(mailId)) ? MailState.Sent : MailState.NotSent);

    public async Task<MailState> SendAsync(WarningMail mail, CancellationToken cancellation)
    {
        Directory.CreateDirectory(options.MailFolder!);
        // Whole or not at all: written beside, then moved.
        var draft = PathOf(mail.Id) + ".draft";
        await mail.ToMessage(options, time.GetUtcNow()).WriteToAsync(draft, cancellation);
        File.Move(draft, PathOf(mail.Id), overwrite: true);
        return MailState.Sent;
    }

    private string PathOf(Guid mailId) => Path.Combine(options.MailFolder!, $"{mailId:N}.eml");
}
