using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>A check run, or a probe, of a clock that was wrong once.</summary>
public sealed class FutureCheckRunTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_check_run_of_the_future_stops_no_checks_of_a_domain_and_its_redelivered_message_is_ignored()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(DomainName.Parse("lab.example"), Policy.Parse("version: STSv1\nmode: enforce\nmx: mx.lab.example\nmax_age: 604800\n"u8), null, Cancellation);
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new("mx.lab.example")] });
        await RunAsync("20270314120000000");
        var asked = lab.MailLab.Zone.QuestionCount;

        await RunAsync("20270314120000000");
        Assert.Equal(asked, lab.MailLab.Zone.QuestionCount);
        await RunAsync("20260314120000000");

        Assert.NotEqual(asked, lab.MailLab.Zone.QuestionCount);
        Assert.Equal("20260314120000000", (await storage.Domains.ReadAsync("lab.example", Cancellation)).Record!.CheckRun.Run);

        Task RunAsync(string run) => lab.Function(storage).RunAsync($$"""{"domain":"lab.example","checkRun":"{{run}}"}""", Cancellation);
    }

    [Fact]
    public void A_policy_that_was_published_in_the_future_excuses_no_old_record_and_no_other_file()
    {
        var context = Cases.Of(
            TestObservations.Fetched(TestObservations.Fetch() with { Body = "version: STSv1\nmode: testing\nmx: mx.elsewhere.example\nmax_age: 604800\n"u8.ToArray() }) with { StsRecords = TestObservations.Found("_mta-sts.example.com", "v=STSv1; id=1;") },
            PolicyMode.Enforce, "mx1.example.com");
        var published = context with { HostedDomain = context.HostedDomain! with { PublishedAt = TestObservations.At.AddDays(300) } };

        Assert.Equal(["policy.file.mismatch", "txt.sts.id-stale"], RuleEngine.Evaluate(published).Findings.Select(finding => finding.Code).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(-60, 0)]
    [InlineData(3, 0)]
    [InlineData(6, 3)]
    [InlineData(365 * 24 * 60, 3)]
    public async Task Restricted_sessions_of_the_future_are_repeated(int minutes, int made)
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new("mx.lab.example")] });
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var before = new MxProbeResult(new SmtpSession("192.0.2.1", SmtpOutcome.Completed), [], time.GetUtcNow().AddMinutes(minutes));

        var probe = await new SmtpMxProbe(lab.Probe(), new Retry(lab.Options(), time), lab.Options(), time).ProbeAsync("mx.lab.example", lab.AddressOf("mx.lab.example"), "1", before, Cancellation);

        Assert.Equal(made, probe.Restricted.Count);
    }
}
