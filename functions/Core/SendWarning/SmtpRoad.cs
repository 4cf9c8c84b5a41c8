using MailKit.Net.Smtp;
using MailKit.Security;

namespace StsFunctions.SendWarning;

/// <summary>Mail through a relay.</summary>
internal sealed class SmtpRoad(EmailOptions options, TimeProvider time) : IMailRoad
{
    private const int TimeoutMilliseconds = 30_000;

    // A relay cannot be asked; a second copy has the same Message-ID.
    public Task<MailState> AskAsync(Guid mailId, CancellationToken cancellation) => Task.FromResult(MailState.NotSent);

    public async Task<MailState> SendAsync(WarningMail mail, CancellationToken cancellation)
    {
        var relay = options.Smtp!;
        using var client = new SmtpClient { Timeout = TimeoutMilliseconds };
        var security = relay.Plain ? SecureSocketOptions.None
            : relay.Port == 465 ? SecureSocketOptions.SslOnConnect
            : SecureSocketOptions.StartTls;
        await client.ConnectAsync(relay.Host, relay.Port, security, cancellation);
        if (relay.User is not null)
        {
            await client.AuthenticateAsync(relay.User, relay.Password ?? "", cancellation);
        }

        await client.SendAsync(mail.ToMessage(options, time.GetUtcNow()), cancellation);
        await client.DisconnectAsync(quit: true, cancellation);
        return MailState.Sent;
    }
}
