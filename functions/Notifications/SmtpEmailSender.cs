using MailKit.Net.Smtp;
using MailKit.Security;

namespace StsFunctions.Notifications;

/// <summary>Mail through a relay.</summary>
internal sealed class SmtpEmailSender(EmailOptions options, TimeProvider time) : IEmailSender
{
    private const int TimeoutMilliseconds = 30_000;

    // A relay cannot be asked; a second copy has the same Message-ID.
    public Task<DeliveryState> GetStatusAsync(Guid mailId, CancellationToken cancellationToken) => Task.FromResult(DeliveryState.NotSent);

    public async Task<DeliveryState> SendAsync(NotificationEmail mail, CancellationToken cancellationToken)
    {
        var relay = options.Smtp!;
        using var client = new SmtpClient { Timeout = TimeoutMilliseconds };
        var security = relay.Plain ? SecureSocketOptions.None
            : relay.Port == 465 ? SecureSocketOptions.SslOnConnect
            : SecureSocketOptions.StartTls;
        await client.ConnectAsync(relay.Host, relay.Port, security, cancellationToken);
        if (relay.User is not null)
        {
            await client.AuthenticateAsync(relay.User, relay.Password ?? "", cancellationToken);
        }

        await client.SendAsync(mail.ToMessage(options, time.GetUtcNow()), cancellationToken);
        await client.DisconnectAsync(quit: true, cancellationToken);
        return DeliveryState.Sent;
    }
}
