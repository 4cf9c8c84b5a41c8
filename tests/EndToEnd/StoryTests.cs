using System.Text.Json;
using MimeKit;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The two stories of the README's tour.</summary>
public sealed class StoryTests(RunningSystem running) : IClassFixture<RunningSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "GET-1")]
    [Trait("Conformance", "MX-4")]
    [Trait("Conformance", "MX-5")]
    public async Task An_MX_certificate_that_expires_is_notified_once()
    {
        // example.com limits inbound mail to mx1 and mx2 over TLS 1.2 or newer.
        var domain = LabDomains.Get("example.com");
        await running.System.AddAsync(domain, Cancellation);
        var policy = await running.System.Client.GetStringAsync(running.System.Https("mta-sts.example.com", "/.well-known/mta-sts.txt"), Cancellation);
        Assert.Equal("version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 604800\r\n", policy);

        // Both are checked, and have no finding.
        await RunChecksAsync();
        Assert.Empty(await running.FindingsAsync("example.com"));
        Assert.All(["mx1.example.com", "mx2.example.com"], host =>
            Assert.Contains(running.System.MailLab.Mx(host).Servers.Single().Received, line => line.StartsWith("TLS Tls1", StringComparison.Ordinal)));
        Assert.Empty(Mails("example.com"));

        // Then the certificate of mx2 is replaced by an expired one: the next check run notifies of it.
        var commands = new Commands(running.System.MailLab, TimeProvider.System);
        commands.Execute("expire mx2.example.com");
        await RunChecksAsync();
        var warning = Assert.Single(Mails("example.com"));
        Assert.Equal("[critical] example.com: mx.certificate.expired mx2.example.com", warning.Subject);
        Assert.Contains("Renew the certificate of mx2.example.com", warning.TextBody, StringComparison.Ordinal);
        Assert.Equal(["mx.certificate.expired"], await running.FindingsAsync("example.com"));

        // Once.
        await RunChecksAsync();
        Assert.Single(Mails("example.com"));

        // Its end is notified too.
        commands.Execute("renew mx2.example.com");
        await RunChecksAsync();
        Assert.Equal(2, Mails("example.com").Count);
        Assert.Contains(Mails("example.com"), mail => mail.Subject == "[resolved] example.com: mx.certificate.expired mx2.example.com");
        Assert.Empty(await running.FindingsAsync("example.com"));
    }

    [Fact]
    [Trait("Conformance", "ARR-1")]
    [Trait("Conformance", "ARR-2")]
    [Trait("Conformance", "ARR-3")]
    [Trait("Conformance", "RPT-6")]
    public async Task A_week_of_reports_from_three_senders_shows_the_sessions_and_then_the_failure()
    {
        var domain = new LabDomain("rollout.example", "All is well.") { Mx = [new LabMx("mx.rollout.example")] };
        await running.System.AddAsync(domain, Cancellation);
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        var week = Enumerable.Range(1, 7).Select(ago => today.AddDays(-ago)).Order().ToList();

        // One sender posts, one sends signed mail, and the reports of one are dropped as files: all are stored, and the signed ones count.
        foreach (var day in week)
        {
            await SampleData.PostAsync(running.System, new SampleReport("Alpha Mail", domain.Name, day, 100), Cancellation);
            await running.System.DropAsync($"mail/{day:yyyy-MM-dd}.eml", new SampleReport("Beta Post", domain.Name, day, 20).ToMail(running.System.MailLab.Zone), Cancellation);
            await running.System.DropAsync($"files/{day:yyyy-MM-dd}.json.gz", new SampleReport("Gamma Relay", domain.Name, day, 3).ToGzip(), Cancellation);
        }

        await running.System.WhenIdleAsync(Cancellation);
        Assert.Equal(week.Select(day => (day, 20L, 0L)), await DaysAsync(domain.Name));

        Assert.Equal(3 * 7, (await running.ShowAsync(domain.Name)).GetProperty("reports").GetArrayLength());

        // A report that arrives twice through two channels counts once, and nothing displaces it.
        await SampleData.PostAsync(running.System, new SampleReport("Beta Post", domain.Name, week[3], 20), Cancellation);
        await SampleData.PostAsync(running.System, new SampleReport("Beta Post", domain.Name, week[4], 20_000), Cancellation);
        await running.System.WhenIdleAsync(Cancellation);
        Assert.Equal(week.Select(day => (day, 20L, 0L)), await DaysAsync(domain.Name));

        // Then one report brings a failure.
        await running.System.DropAsync("mail/failure.eml", new SampleReport("Alpha Mail", domain.Name, today, 98, Failures: 2, "mx.rollout.example").ToMail(running.System.MailLab.Zone), Cancellation);
        await running.System.WhenIdleAsync(Cancellation);
        Assert.Equal((today, 98L, 2L), (await DaysAsync(domain.Name))[^1]);
        var failure = Assert.Single((await running.ShowAsync(domain.Name)).GetProperty("reports").EnumerateArray().SelectMany(r => r.GetProperty("failures").EnumerateArray()));
        Assert.Equal("certificate-expired", failure.GetProperty("resultType").GetString());
        Assert.Equal("mx.rollout.example", failure.GetProperty("mxHost").GetString());
        Assert.Equal(2, failure.GetProperty("sessions").GetInt64());
    }

    // The other story's domain is mailed about too.
    private IReadOnlyList<MimeMessage> Mails(string domain) => [.. running.Mails.Where(mail => mail.Subject!.Contains($"] {domain}: ", StringComparison.Ordinal))];

    private async Task RunChecksAsync()
    {
        await running.System.CheckAllAsync(Cancellation);
        await running.System.NotifyAsync(Cancellation);
    }

    private async Task<IReadOnlyList<(DateOnly Day, long Sessions, long Failures)>> DaysAsync(string domain) =>
        [.. (await running.ShowAsync(domain)).GetProperty("days").EnumerateArray().Select(ToDay)];

    private static (DateOnly Day, long Sessions, long Failures) ToDay(JsonElement day) =>
        (DateOnly.Parse(day.GetProperty("day").GetString()!, null), day.GetProperty("sessions").GetInt64(), day.GetProperty("failures").GetInt64());
}
