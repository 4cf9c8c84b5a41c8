using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Notifications;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Notifications;
using StsFunctions.Storage.Probes;
using StsFunctions.Storage.Reports;
using StsFunctions.Storage.Retention;
using StsFunctions.UseCases.Notifications;
using StsFunctions.UseCases.Policies;
using StsFunctions.UseCases.Reports;
using StsFunctions.UseCases.Retention;
using Xunit;

namespace StsFunctions.Tests;

/// <summary>A storage account with the app's layout, and the app's stores over it, at a time that the test sets.</summary>
internal sealed class TestStorage
{
    public static readonly DateTimeOffset Noon = new(2026, 3, 14, 12, 0, 0, TimeSpan.Zero);

    /// <summary>The stores over an account whose layout is there.</summary>
    public TestStorage(string connectionString, TimeSpan? networkTimeout = null, BlobServiceClient? blobs = null)
    {
        ConnectionString = connectionString;
        Account = new StorageOptions { ConnectionString = connectionString };
        (Blobs, Queues, Tables) = (blobs ?? Account.Blobs(networkTimeout: networkTimeout), Account.Queues(networkTimeout: networkTimeout), Account.Tables(networkTimeout: networkTimeout));
        Domains = new DomainStore(Tables);
        Policies = new PolicyBlobs(Blobs);
        MxHosts = new MxHostStore(Tables, Time);
        Agents = new AgentStore(Tables, Time);
        ProbeTasks = new ProbeTaskStore(Tables, Time);
        Reports = new ReportStore(Tables, ReportAuthenticationPolicy.Default);
        Posts = new PostCountStore(Tables, Time);
        Signers = new SignerCountStore(Tables, Time);
        Summaries = new DomainSummaryStore(Tables, Domains, Reports, Time);
        Publisher = PublisherAt(Time);
        Notifications = new NotificationQueue(Queues, Delays, Time);
        Evaluations = new EvaluationQueue(Queues, Delays, Time);
        Recorder = new FindingRecorder(Domains, Notifications);
    }

    public string ConnectionString { get; }

    public FakeTimeProvider Time { get; } = new(Noon);

    public ServingOptions Serving { get; } = new();

    public StorageOptions Account { get; }

    public BlobServiceClient Blobs { get; }

    public QueueServiceClient Queues { get; }

    public TableServiceClient Tables { get; }

    public DomainStore Domains { get; }

    public PolicyBlobs Policies { get; }

    public MxHostStore MxHosts { get; }

    public AgentStore Agents { get; }

    public ProbeTaskStore ProbeTasks { get; }

    public ReportStore Reports { get; }

    public PostCountStore Posts { get; }

    public SignerCountStore Signers { get; }

    public DomainSummaryStore Summaries { get; }

    public PolicyPublisher Publisher { get; }

    public FindingRecorder Recorder { get; }

    public MessageDelayOptions Delays { get; } = new();

    public NotificationQueue Notifications { get; }

    public EvaluationQueue Evaluations { get; }

    /// <summary>The containers of raw reports, as the app writes them.</summary>
    public ReportInbox Inbox => InboxOn(Blobs);

    /// <summary>The same containers through other clients.</summary>
    public ReportInbox InboxOn(BlobServiceClient blobs) => new(blobs, new ReportProvenance(new ProvenanceKeyStore(Tables)), Time);

    /// <summary>Requeues stale reports of this account. It has its own time because blobs carry the time of storage.</summary>
    public StaleReportRequeuer Requeuer(TimeProvider time, ILogger<StaleReportRequeuer>? log = null, ReportInbox? inbox = null) => new(
        inbox ?? Inbox, new ReportQueue(Queues), Evaluations, time, log ?? NullLogger<StaleReportRequeuer>.Instance);

    /// <summary>Purges this account. It has its own time because blobs carry the time of storage.</summary>
    public ExpiredDataPurge Purge(TimeProvider time) => new(MxHosts, ProbeTasks, RetentionBy(new RetentionOptions()), time, NullLogger<ExpiredDataPurge>.Instance);

    /// <summary>Applies the retention options to this account.</summary>
    public RetentionSweep RetentionBy(RetentionOptions options, BlobRetention? blobs = null, RowRetention? rows = null) => new(
        options, blobs ?? new BlobRetention(Blobs), rows ?? new RowRetention(Tables), new RetentionCursorStore(Tables), NullLogger<RetentionSweep>.Instance);

    /// <summary>Dispatches the notifications of the outboxes through an email channel.</summary>
    public NotificationDispatcher Dispatcher(IEmailSender? sender, int? mailsPerHour = null) =>
        new(Domains, Summaries, sender, new MailQuota(mailsPerHour), new MailCountStore(Tables, Time), Notifications, Time, NullLogger<NotificationDispatcher>.Instance);

    /// <summary>A publisher with its own clock and an optional action just before its commit.</summary>
    public PolicyPublisher PublisherAt(TimeProvider time, Func<Task>? beforeCommit = null)
    {
        var queues = Queues;
        if (beforeCommit is not null)
        {
            // The message to the queue is the last thing before the commit.
            var options = new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 };
            options.AddPolicy(new Interruption(beforeCommit), HttpPipelinePosition.PerCall);
            queues = new QueueServiceClient(ConnectionString, options);
        }

        return new PolicyPublisher(Domains, Policies, Summaries, new CheckQueue(queues), Serving, time);
    }

    /// <summary>Evaluates the reports of this account.</summary>
    public ReportEvaluation EvaluateReports(TimeProvider? time = null) => new(
        Domains, Reports, Summaries, Recorder, new CheckQueue(Queues), new OwnObservationReader(Blobs), new ReportArchive(Blobs), new ReportQueue(Queues), TrustedReportSigners.Default, time ?? Time,
        NullLogger<ReportEvaluation>.Instance);

    public static async Task<TestStorage> CreateAsync(AzuriteFixture azurite)
    {
        var storage = new TestStorage(await azurite.OwnAccountAsync());
        await StorageLayout.EnsureAsync(storage.Blobs, storage.Queues, storage.Tables, TestContext.Current.CancellationToken);
        return storage;
    }

    private sealed class Interruption(Func<Task> interrupt) : HttpPipelinePolicy
    {
        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            await interrupt();
            await ProcessNextAsync(message, pipeline);
        }
    }
}
