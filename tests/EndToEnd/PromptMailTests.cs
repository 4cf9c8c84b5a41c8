using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>From a finding to its mail without any timer.</summary>
public sealed class PromptMailTests(PromptMailTests.Prompt running) : IClassFixture<PromptMailTests.Prompt>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_finding_is_mailed_because_of_its_queue_message_and_is_shown_as_notified()
    {
        var domain = LabDomains.Get("expiring.example");
        await running.System.AddAsync(domain, Cancellation);

        await running.System.CheckAllAsync(Cancellation);
        // Until every message was handled, those of a later time too.
        await running.System.Host.WhenIdleAsync(ignoreDelayed: false, Cancellation);

        var mail = Assert.Single(running.Mails);
        Assert.Contains(domain.Expected[0], mail.TextBody, StringComparison.Ordinal);
        Assert.Equal(0, (await running.ShowAsync(domain.Name)).GetProperty("pendingNotifications").GetInt32());
        Assert.Contains(running.Invocations, call => call is { Function: "SendNotifications", Succeeded: true });
        Assert.DoesNotContain(running.Invocations, call => call.Function == "SendPendingNotifications");
    }

    public sealed class Prompt(AppUnderTest app) : RunningSystem(app)
    {
        protected override LocalSystemOptions Options => new() { Settings = new Dictionary<string, string> { ["Sts__NotificationDelay"] = "00:00:02" } };
    }
}
