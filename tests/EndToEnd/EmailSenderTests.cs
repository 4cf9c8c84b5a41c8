using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using StsFunctions.Local;
using StsFunctions.Local.FunctionsHost;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The published binary sends notifications through each email channel.</summary>
public sealed class EmailSenderTests(RunningSystem running) : IClassFixture<RunningSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_notification_is_sent_once_through_a_mail_relay()
    {
        await FindAsync("plain.example");
        await using var sender = await StartSenderAsync(new()
        {
            ["Sts__SmtpHost"] = "127.0.0.1",
            ["Sts__SmtpPort"] = $"{running.System.MailLab.SmtpPort}",
            ["Sts__SmtpPlain"] = "true",
        });
        await sender.InvokeTimerAsync("SendPendingNotifications", Cancellation);
        await sender.InvokeTimerAsync("SendPendingNotifications", Cancellation);

        var mail = Assert.Single(running.System.MailLab.Relay.Mails, mail => Encoding.UTF8.GetString(mail.Message.Span).Contains("plain.example", StringComparison.Ordinal));
        Assert.Equal("sts@hosting.example", mail.From);
        Assert.Equal(["postmaster@hosting.example", "second@hosting.example"], mail.Recipients);
        var text = Encoding.UTF8.GetString(mail.Message.Span);
        Assert.Contains("Subject: [critical] plain.example: mx.starttls.missing mx.plain.example", text, StringComparison.Ordinal);
        Assert.Contains("Auto-Submitted: auto-generated", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_relay_that_does_not_answer_fails_the_run_and_the_notification_waits_for_the_next_run()
    {
        await FindAsync("wrong-name.example");
        await using (var sender = await StartSenderAsync(new() { ["Sts__SmtpHost"] = "127.0.0.1", ["Sts__SmtpPort"] = $"{LoopbackPort.Free()}", ["Sts__SmtpPlain"] = "true" }))
        {
            await Assert.ThrowsAsync<WorkerException>(() => sender.InvokeTimerAsync("SendPendingNotifications", Cancellation));
        }

        await running.System.NotifyAsync(Cancellation);
        Assert.Single(running.Mails, mail => mail.Subject!.Contains("wrong-name.example", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_notification_is_sent_through_Communication_Services_and_its_status_is_requested_until_it_is_delivered()
    {
        await FindAsync("uncovered.example");
        var key = RandomNumberGenerator.GetBytes(32);
        var service = new CommunicationServices(key);
        await using var server = await service.StartAsync();
        var address = server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await using var sender = await StartSenderAsync(new() { ["Sts__AcsEndpoint"] = address, ["Sts__AcsKey"] = Convert.ToBase64String(key) });
        await sender.InvokeTimerAsync("SendPendingNotifications", Cancellation);
        Assert.Equal(0, service.Polls);
        await sender.InvokeTimerAsync("SendPendingNotifications", Cancellation);
        Assert.Equal(1, await PendingAsync("uncovered.example"));
        await sender.InvokeTimerAsync("SendPendingNotifications", Cancellation);
        Assert.Equal(0, await PendingAsync("uncovered.example"));
        await sender.InvokeTimerAsync("SendPendingNotifications", Cancellation);

        var mail = Assert.Single(service.Mails, mail => mail.GetProperty("content").GetProperty("subject").GetString()!.Contains("uncovered.example", StringComparison.Ordinal));
        Assert.Equal("sts@hosting.example", mail.GetProperty("senderAddress").GetString());
        Assert.Contains("no mx pattern", mail.GetProperty("content").GetProperty("plainText").GetString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(2, mail.GetProperty("recipients").GetProperty("to").GetArrayLength());
        Assert.Empty(service.Refused);
    }

    [Fact]
    public async Task A_service_that_sends_Retry_After_is_not_waited_for_and_the_next_run_sends()
    {
        await FindAsync("self-signed.example");
        var key = RandomNumberGenerator.GetBytes(32);
        var service = new CommunicationServices(key) { IsBusy = true };
        await using var server = await service.StartAsync();
        var address = server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await using var sender = await StartSenderAsync(new() { ["Sts__AcsEndpoint"] = address, ["Sts__AcsKey"] = Convert.ToBase64String(key) });

        await Assert.ThrowsAsync<WorkerException>(() => sender.InvokeTimerAsync("SendPendingNotifications", Cancellation));
        Assert.Equal(1, service.Throttled);
        Assert.Equal(1, await PendingAsync("self-signed.example"));

        service.IsBusy = false;
        while (await PendingAsync("self-signed.example") > 0)
        {
            await sender.InvokeTimerAsync("SendPendingNotifications", Cancellation);
        }

        Assert.Single(service.Mails, mail => mail.GetProperty("content").GetProperty("subject").GetString()!.Contains("self-signed.example", StringComparison.Ordinal));
    }

    private async Task<int> PendingAsync(string domain) => (await running.ShowAsync(domain)).GetProperty("pendingNotifications").GetInt32();

    private async Task FindAsync(string domain)
    {
        await running.System.AddAsync(LabDomains.Get(domain), Cancellation);
        await running.System.CheckAllAsync(Cancellation);
    }

    private Task<IFunctionsHost> StartSenderAsync(Dictionary<string, string> settings)
    {
        settings["Sts__EmailPickupFolder"] = "";
        settings["Sts__EmailTo"] = "postmaster@hosting.example, second@hosting.example";
        return running.System.StartHostAsync(settings, Cancellation);
    }

    /// <summary>A fake of the mail API of Communication Services: it accepts requests that are signed with the key, and needs a moment to send.</summary>
    private sealed class CommunicationServices(byte[] key)
    {
        private readonly Dictionary<string, int> _operations = [];

        public List<JsonElement> Mails { get; } = [];

        public List<string> Refused { get; } = [];

        public int Polls { get; private set; }

        /// <summary>At its rate limit, for an hour.</summary>
        public bool IsBusy { get; set; }

        public int Throttled { get; private set; }

        public async Task<WebApplication> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            var server = builder.Build();
            server.Run(AnswerAsync);
            await server.StartAsync(Cancellation);
            return server;
        }

        private async Task AnswerAsync(HttpContext context)
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            if (!IsSigned(context.Request, body.ToArray()) || context.Request.Query["api-version"] != "2025-09-01")
            {
                Refused.Add($"{context.Request.Method} {context.Request.Path}");
                context.Response.StatusCode = StatusCodes.Status401Unauthorized;
                return;
            }

            if (IsBusy)
            {
                Throttled++;
                context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                context.Response.Headers.RetryAfter = "3600";
                return;
            }

            if (context.Request is { Method: "POST", Path.Value: "/emails:send" })
            {
                var id = context.Request.Headers["Operation-Id"].ToString();
                using var mail = JsonDocument.Parse(body.ToArray());
                Mails.Add(mail.RootElement.Clone());
                _operations[id] = 0;
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                context.Response.Headers.RetryAfter = "30";
                await context.Response.WriteAsync($$"""{"id":"{{id}}","status":"Running"}""", context.RequestAborted);
                return;
            }

            Polls++;
            var operation = context.Request.Path.Value!.Split('/')[^1];
            if (!_operations.TryGetValue(operation, out var polled))
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }

            _operations[operation] = polled + 1;
            await context.Response.WriteAsync($$"""{"id":"{{operation}}","status":"{{(polled == 0 ? "Running" : "Succeeded")}}"}""", context.RequestAborted);
        }

        // As the service documents it: HMAC-SHA256 over the request line, date, host and the body's hash.
        private bool IsSigned(HttpRequest request, byte[] body)
        {
            var date = request.Headers["x-ms-date"].ToString();
            var hash = Convert.ToBase64String(SHA256.HashData(body));
            var text = $"{request.Method}\n{request.Path}{request.QueryString}\n{date};{request.Headers.Host};{hash}";
            var signature = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
            return request.Headers["x-ms-content-sha256"] == hash
                && DateTimeOffset.TryParseExact(date, "r", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)
                && request.Headers.Authorization == $"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}";
        }
    }
}
