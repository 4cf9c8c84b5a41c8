using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Notifications;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Tests.Storage;
using Xunit;

namespace StsFunctions.Tests.Notifications;

/// <summary>A finding causes its mail by a queue message.</summary>
public sealed class SendNotificationsTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private readonly MailOrderTests.RecordingEmailSender _sender = new();
    private TestStorage _storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        await MailOrderTests.OpenAsync(_storage, Domain.Value, Severity.Warning);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_finding_that_notifies_sends_a_delayed_message_before_the_commit()
    {
        Assert.Equal(1, await MessagesAsync());
        // Not yet: the commit may take as long as storage does.
        Assert.Null((await Queue.PeekMessageAsync(Cancellation)).Value);

        var partition = await ReadAsync();
        await _storage.Recorder.RecordAsync(
            partition, FindingSource.Checks, "20260315120000000", _storage.Time.GetUtcNow(), [.. partition.Findings.Select(open => open.Finding with { Evidence = "otherwise" })], new HashSet<string>(), partition.Record, Cancellation);
        Assert.Equal(1, await MessagesAsync());
    }

    [Fact]
    public async Task A_message_causes_one_mail_and_the_same_message_again_none()
    {
        await RunAsync();
        await RunAsync();

        Assert.Equal("[warning] example.com: mx.starttls.missing mx.example.com", Assert.Single(_sender.Subjects));
        Assert.Empty((await ReadAsync()).Outbox);
        Assert.Equal(0, Assert.Single(await _storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).PendingNotifications);
        await StoreInvariants.AssertAsync(_storage);
    }

    [Fact]
    public async Task The_findings_of_the_installation_are_mailed_too()
    {
        var partition = await _storage.Domains.ReadAsync(Installation.Partition, Cancellation);
        await _storage.Recorder.RecordAsync(
            partition, FindingSource.OutboundNetwork, "20260314120000000", TestStorage.Noon, [new("outbound.smtp.blocked", Severity.Warning, "port 25", "observed", "meaning", "remedy", "RFC 8461 §4")], new HashSet<string>(), null, Cancellation);

        await RunAsync(Installation.Partition);

        Assert.Contains("outbound.smtp.blocked", Assert.Single(_sender.Subjects), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_notification_beyond_the_hourly_limit_waits_and_is_requested_again()
    {
        await MailOrderTests.OpenAsync(_storage, "another.example", Severity.Warning);
        var messages = await MessagesAsync();
        var dispatcher = _storage.Dispatcher(_sender, mailsPerHour: 2);
        await dispatcher.RunAsync(new DomainMessage("another.example").ToJson(), Cancellation);
        Assert.Equal(messages, await MessagesAsync());

        await dispatcher.RunAsync(new DomainMessage(Domain.Value).ToJson(), Cancellation);
        // However many messages there are for the domain: one of them is sent again.
        await dispatcher.RunAsync(new DomainMessage(Domain.Value).ToJson(), Cancellation);
        Assert.Single(_sender.Subjects);
        Assert.Equal(messages + 1, await MessagesAsync());

        _storage.Time.Advance(TimeSpan.FromHours(1));
        await dispatcher.RunAsync(new DomainMessage(Domain.Value).ToJson(), Cancellation);
        Assert.Equal(2, _sender.Subjects.Distinct().Count());
    }

    [Fact]
    public async Task A_notification_that_another_run_is_sending_is_left_to_it_until_that_run_must_be_over()
    {
        var partition = await ReadAsync();
        var id = Guid.NewGuid();
        await _storage.Domains.CommitAsync(new DomainTransaction(partition).MarkSending(partition.Outbox[0], id.ToString("D"), _storage.Time.GetUtcNow()), Cancellation);
        var messages = await MessagesAsync();

        await RunAsync();
        Assert.Empty(_sender.Subjects);
        Assert.Equal(messages + 1, await MessagesAsync());

        _storage.Time.Advance(TimeSpan.FromMinutes(5));
        await RunAsync();
        Assert.Single(_sender.Subjects);
        Assert.Empty((await ReadAsync()).Outbox);
    }

    [Fact]
    public async Task Two_messages_that_are_handled_at_once_cause_one_mail()
    {
        // While the first is being sent, the second is handled whole.
        var second = new MailOrderTests.RecordingEmailSender();
        var first = new InterruptedEmailSender(_sender, () => _storage.Dispatcher(second).RunAsync(new DomainMessage(Domain.Value).ToJson(), Cancellation));

        await _storage.Dispatcher(first).RunAsync(new DomainMessage(Domain.Value).ToJson(), Cancellation);

        Assert.Empty(second.Subjects);
        Assert.Single(_sender.Subjects);
        Assert.Empty((await ReadAsync()).Outbox);
    }

    [Fact]
    public async Task A_mail_service_that_fails_makes_the_queue_retry()
    {
        _sender.IsBusy = true;
        await Assert.ThrowsAsync<AggregateException>(() => RunAsync());

        _sender.IsBusy = false;
        _storage.Time.Advance(TimeSpan.FromMinutes(3));
        await RunAsync();

        Assert.Single(_sender.Subjects);
        Assert.Empty((await ReadAsync()).Outbox);
    }

    private Task RunAsync(string partition = "example.com") => _storage.Dispatcher(_sender).RunAsync(new DomainMessage(partition).ToJson(), Cancellation);

    private Task<DomainPartition> ReadAsync() => _storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);

    private Azure.Storage.Queues.QueueClient Queue => _storage.Queues.GetQueueClient(StorageNames.NotificationsQueue);

    private async Task<int> MessagesAsync() => (await Queue.GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount;

    private sealed class InterruptedEmailSender(IEmailSender dispatcher, Func<Task> interrupt) : IEmailSender
    {
        public Task<DeliveryState> GetStatusAsync(Guid mailId, CancellationToken cancellationToken) => dispatcher.GetStatusAsync(mailId, cancellationToken);

        public async Task<DeliveryState> SendAsync(NotificationEmail mail, CancellationToken cancellationToken)
        {
            await interrupt();
            return await dispatcher.SendAsync(mail, cancellationToken);
        }
    }
}
