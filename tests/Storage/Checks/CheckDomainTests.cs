using System.Text.Json;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>A whole check: observed in a mail lab, recorded in a real storage.</summary>
public sealed class CheckDomainTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("lab.example");
    private static readonly Policy Enforce = Policy.Parse("version: STSv1\nmode: enforce\nmx: mx.lab.example\nmax_age: 604800\n"u8);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_check_stores_its_observation_records_its_findings_and_updates_the_list()
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Plain);

        await RunAsync(lab, storage, "20990101000000000");

        var partition = await storage.Domains.ReadAsync("lab.example", Cancellation);
        Assert.Equal(["mx.starttls.missing"], partition.Findings.Select(open => open.Finding.Code));
        Assert.Equal(Change.Opened, Assert.Single(partition.Outbox).Change);
        Assert.Equal(("20990101000000000", true, null), (partition.Record!.CheckRun.Run, partition.Record.Observed, partition.Record.NextExpiry));
        var row = Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
        Assert.Equal((Severity.Critical, 1, 1), (row.WorstFinding, row.OpenFindings, row.PendingNotifications));
        var observations = await ObservationsAsync(storage);
        Assert.Equal(["20990101000000000", "20990101000000000.2", "20990101000000000.3"], observations.Select(attempt => attempt.CheckRun).Order(StringComparer.Ordinal));
        Assert.All(observations, attempt => Assert.Equal(("lab.example", SmtpOutcome.StartTlsMissing), (attempt.Domain, attempt.MxHosts[0].Sessions[0].Outcome)));
    }

    [Fact]
    public async Task A_fault_is_notified_once_and_its_end_once()
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Plain);
        var notified = new List<string>();
        foreach (var (script, run) in ((SmtpScript, int)[])[(SmtpScript.Plain, 1), (SmtpScript.Plain, 2), (SmtpScript.Good, 3), (SmtpScript.Good, 4)])
        {
            lab.MailLab.Mx("mx.lab.example").Script = script;
            await RunAsync(lab, storage, $"2099010100000000{run}");
            notified.Add(string.Join(' ', (await storage.Domains.ReadAsync("lab.example", Cancellation)).Outbox.Select(w => w.Change)));
        }

        Assert.Equal(["Opened", "Opened", "Opened Resolved", "Opened Resolved"], notified);
        var record = (await storage.Domains.ReadAsync("lab.example", Cancellation)).Record!;
        Assert.Equal(lab.MailLab.Mx("mx.lab.example").Certificate.Leaf.NotAfter.ToUniversalTime(), record.NextExpiry!.Value.UtcDateTime);
    }

    [Fact]
    public async Task A_network_fault_that_is_gone_at_the_next_attempt_is_never_notified()
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Plain);
        var queue = storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue);
        await queue.ClearMessagesAsync(Cancellation);
        await lab.Function(storage).RunAsync("""{"domain":"lab.example","checkRun":"20990101000000000"}""", Cancellation);

        var pending = Assert.Single((await storage.Domains.ReadAsync("lab.example", Cancellation)).Record!.CheckRun.Pending);
        Assert.Equal(("mx.starttls.missing", 1), (pending.Code, pending.Confirmations));
        var next = (await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value;
        lab.MailLab.Mx("mx.lab.example").Script = SmtpScript.Good;
        await lab.Function(storage).RunAsync(next.MessageText, Cancellation);

        var after = await storage.Domains.ReadAsync("lab.example", Cancellation);
        Assert.Empty(after.Findings);
        Assert.Empty(after.Outbox);
        Assert.Empty(after.Record!.CheckRun.Pending);
        Assert.Equal(2, after.Record.CheckRun.Attempt);
        Assert.Null((await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value);
    }

    [Fact]
    public async Task Attempts_start_five_minutes_apart_however_long_each_takes()
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Plain);
        var queue = storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue);
        await queue.ClearMessagesAsync(Cancellation);
        var began = DateTimeOffset.UtcNow;
        var function = lab.Function(storage, delay: TimeSpan.FromMinutes(5), time: TimeProvider.System);
        await function.RunAsync("""{"domain":"lab.example","checkRun":"20990101000000000"}""", Cancellation);
        await function.RunAsync("""{"domain":"lab.example","checkRun":"20990101000000000","attempt":2}""", Cancellation);

        // Two messages wait, and none is to be had yet.
        Assert.Equal(2, (await queue.GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount);
        Assert.Null((await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value);
        var run = (await storage.Domains.ReadAsync("lab.example", Cancellation)).Record!.CheckRun;
        Assert.InRange(run.StartedAt!.Value, began, DateTimeOffset.UtcNow);
        Assert.Equal((2, 2), (run.Attempt, Assert.Single(run.Pending).Confirmations));
    }

    [Fact]
    public async Task A_redelivered_message_requests_the_next_attempt_again_and_probes_nothing()
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Plain);
        var queue = storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue);
        const string message = """{"domain":"lab.example","checkRun":"20990101000000000"}""";
        await lab.Function(storage).RunAsync(message, Cancellation);
        var asked = lab.MailLab.Zone.QuestionCount;
        await queue.ClearMessagesAsync(Cancellation);

        await lab.Function(storage).RunAsync(message, Cancellation);

        Assert.Equal(asked, lab.MailLab.Zone.QuestionCount);
        var next = JsonSerializer.Deserialize((await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value.MessageText, CheckRequestJson.Default.CheckRequest);
        Assert.Equal(new CheckRequest("lab.example", "20990101000000000", 2), next);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task An_attempt_out_of_order_is_not_made(int attempt)
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Plain);
        await lab.Function(storage).RunAsync("""{"domain":"lab.example","checkRun":"20990101000000000"}""", Cancellation);
        var asked = lab.MailLab.Zone.QuestionCount;

        await lab.Function(storage).RunAsync($$"""{"domain":"lab.example","checkRun":"20990101000000000","attempt":{{attempt}}}""", Cancellation);
        await lab.Function(storage).RunAsync("""{"domain":"lab.example","checkRun":"20980101000000000","attempt":2}""", Cancellation);

        Assert.Equal(asked, lab.MailLab.Zone.QuestionCount);
    }

    [Theory]
    [InlineData("20260314110000001")]
    [InlineData("20260314110000000")]
    public async Task A_message_of_the_same_check_run_or_an_earlier_one_probes_nothing(string first)
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Good);
        await RunAsync(lab, storage, first);
        var asked = lab.MailLab.Zone.QuestionCount;

        await RunAsync(lab, storage, "20260314110000000");

        Assert.Equal(asked, lab.MailLab.Zone.QuestionCount);
        Assert.Single(await ObservationsAsync(storage));
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task A_blocked_port_25_is_one_finding_of_the_installation_until_it_is_open_again()
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Good);
        var address = DnsRecord.Address(lab.AddressOf("mx.lab.example"));
        var observer = lab.Observer(TimeSpan.FromSeconds(1), "mx.lab.example");
        using (var silence = new SilentHost(lab.MailLab))
        {
            silence.Take("mx.lab.example");
            await RunAsync(lab, storage, "20990101000000001", observer);
            await RunAsync(lab, storage, "20990101000000002", observer);
        }

        var domain = await storage.Domains.ReadAsync("lab.example", Cancellation);
        Assert.Empty(domain.Findings);
        Assert.Empty(domain.Outbox);
        Assert.False(domain.Record!.Observed);
        var installation = await storage.Domains.ReadAsync(Installation.Partition, Cancellation);
        Assert.Equal(NetworkFindings.OutboundSmtpBlocked, Assert.Single(installation.Findings).Finding);
        Assert.Single(installation.Outbox);

        lab.MailLab.Zone.Set("mx.lab.example", address);
        await RunAsync(lab, storage, "20990101000000003");

        installation = await storage.Domains.ReadAsync(Installation.Partition, Cancellation);
        Assert.Empty(installation.Findings);
        Assert.Equal([Change.Opened, Change.Resolved], installation.Outbox.Select(warning => warning.Change));
        Assert.True((await storage.Domains.ReadAsync("lab.example", Cancellation)).Record!.Observed);
    }

    [Fact]
    public async Task A_domain_that_is_not_hosted_is_not_checked()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await using var lab = await StartAsync(null, SmtpScript.Good);

        await RunAsync(lab, storage, "20990101000000000");

        Assert.Equal(0, lab.MailLab.Zone.QuestionCount);
        Assert.Empty(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"lab.example\"")]
    [InlineData("{}")]
    [InlineData("""{"domain":null,"checkRun":"1"}""")]
    [InlineData("""{"domain":"127.0.0.1","checkRun":"1"}""")]
    [InlineData("""{"domain":"@operator","checkRun":"1"}""")]
    public async Task A_message_without_a_domain_fails_and_changes_nothing(string message)
    {
        var storage = await HostedAsync();
        await using var lab = await StartAsync(storage, SmtpScript.Good);

        await Assert.ThrowsAnyAsync<Exception>(() => lab.Function(storage).RunAsync(message, Cancellation));

        Assert.Equal(0, lab.MailLab.Zone.QuestionCount);
        Assert.Equal("", (await storage.Domains.ReadAsync("lab.example", Cancellation)).Record!.CheckRun.Run);
    }

    private async Task<TestStorage> HostedAsync()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, Enforce, null, Cancellation);
        return storage;
    }

    private static async Task<Lab> StartAsync(TestStorage? storage, SmtpScript script)
    {
        var lab = await Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new("mx.lab.example") { Script = script }] });
        if (storage is not null)
        {
            lab.MailLab.SetPolicyId("lab.example", (await storage.Domains.ReadAsync("lab.example", Cancellation)).Record!.PolicyId);
        }

        return lab;
    }

    // A check run: its first attempt, and those that it requests itself.
    private static async Task RunAsync(Lab lab, TestStorage storage, string run, Observer? observer = null)
    {
        var queue = storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue);
        await queue.ClearMessagesAsync(Cancellation);
        await lab.Function(storage, observer).RunAsync($$"""{"domain":"lab.example","checkRun":"{{run}}"}""", Cancellation);
        while ((await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value is { } message)
        {
            await lab.Function(storage, observer).RunAsync(message.MessageText, Cancellation);
            await queue.DeleteMessageAsync(message.MessageId, message.PopReceipt, Cancellation);
        }
    }

    private static async Task<List<Observation>> ObservationsAsync(TestStorage storage)
    {
        var container = storage.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer);
        var observations = new List<Observation>();
        await foreach (var blob in container.GetBlobsAsync(cancellationToken: Cancellation))
        {
            Assert.StartsWith("lab.example/", blob.Name, StringComparison.Ordinal);
            var content = (await container.GetBlobClient(blob.Name).DownloadContentAsync(Cancellation)).Value.Content;
            observations.Add(JsonSerializer.Deserialize(content, ObservationJson.Default.Observation)!);
        }

        return observations;
    }
}
