using System.Net;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Reports;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Retention;

public sealed class PurgeAndRequeueTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private readonly RecordedLog _log = new();
    private TestStorage _storage = null!;
    private ReportInbox _inbox = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        _inbox = _storage.Inbox;
    }

    public ValueTask DisposeAsync()
    {
        _log.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_report_whose_message_was_lost_is_requeued_after_an_hour_and_then_read()
    {
        await _storage.Publisher.PublishAsync(DomainName.Parse("example.com"), Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        await DropAsync("lost/ünïcode report.json", Samples.Json(Samples.Policy()));

        await RequeueAsync(TimeSpan.FromMinutes(59));
        Assert.Empty(await MessagesAsync());

        await RequeueAsync(TimeSpan.FromMinutes(61));
        var message = Assert.Single(await MessagesAsync());
        Assert.Equal("lost/ünïcode report.json", BlobCreatedEvent.NameOf(message).Value);

        await Ingest.FunctionOn(_storage, _log.For<ReportIngestion>()).RunAsync(message, Cancellation);
        Assert.Single(await _storage.Reports.ReadAsync(DomainName.Parse("example.com"), new DateOnly(2026, 1, 1), Cancellation));
        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
    }

    [Fact]
    public async Task A_report_that_fails_repeatedly_ends_in_quarantine_with_its_channel_instead_of_returning_to_the_queue()
    {
        await DropAsync("stubborn", [1, 2, 3], ("source", "Mail"));
        for (var run = 1; run <= 3; run++)
        {
            await RequeueAsync(TimeSpan.FromHours(2));
            Assert.Single(await MessagesAsync());
            Assert.Empty(await BlobsAsync(StorageNames.QuarantineContainer));
        }

        await RequeueAsync(TimeSpan.FromHours(2));

        Assert.Empty(await MessagesAsync());
        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
        var stored = Assert.Single(await BlobsAsync(StorageNames.QuarantineContainer));
        Assert.Equal(("stubborn", "Mail"), (stored.Metadata["name"], stored.Metadata["source"]));
        Assert.Contains("report-arrivals-poison", stored.Metadata["reason"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_report_under_the_same_name_starts_at_zero_attempts()
    {
        for (var run = 1; run <= 5; run++)
        {
            await DropAsync("report.json", [(byte)run]);
            await RequeueAsync(TimeSpan.FromHours(2));
            Assert.Single(await MessagesAsync());
        }

        Assert.Empty(await BlobsAsync(StorageNames.QuarantineContainer));
    }

    [Fact]
    public async Task A_report_that_fails_does_not_stop_the_others()
    {
        await DropAsync("a", [1]);
        await DropAsync("b", [2]);
        var options = new BlobClientOptions { Retry = { MaxRetries = 0 } };
        options.AddPolicy(new Unwritable("/a"), HttpPipelinePosition.PerCall);
        _inbox = _storage.InboxOn(new BlobServiceClient(_storage.ConnectionString, options));

        var failure = await Assert.ThrowsAsync<AggregateException>(() => RequeueAsync(TimeSpan.FromHours(2)));

        Assert.IsType<IOException>(Assert.Single(failure.InnerExceptions));
        Assert.Equal(["a", "b"], (await MessagesAsync()).Select(message => BlobCreatedEvent.NameOf(message).Value).Order());
        Assert.Equal([false, true], (await BlobsAsync(StorageNames.InboxContainer)).OrderBy(blob => blob.Name).Select(blob => blob.Metadata.ContainsKey("tries")));
    }

    [Fact]
    public async Task A_table_that_fails_does_not_stop_the_purge_of_the_others()
    {
        await _storage.MxHosts.ClaimAsync("mx.example", IPAddress.Loopback, "20260314120000000", TimeSpan.FromMinutes(2), null, Cancellation);
        await _storage.Tables.DeleteTableAsync(StorageNames.ReportsTable, Cancellation);

        await Assert.ThrowsAsync<AggregateException>(() => _storage.Purge(At(TimeSpan.FromDays(31))).RunAsync(Cancellation));

        Assert.Empty(await _storage.Tables.GetTableClient(StorageNames.MxHostsTable).QueryAsync<TableEntity>(cancellationToken: Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task A_report_whose_escaped_name_is_very_long_is_stored_and_quarantined_with_the_beginning_of_it()
    {
        var name = new string('報', 900);
        await DropAsync(name, [1, 2, 3], ("tries", "3"));
        var (content, incoming) = (await _inbox.OpenAsync(BlobName.Parse(name), Cancellation))!.Value;
        await content.DisposeAsync();

        await _inbox.ArchiveAsync(incoming, new MemoryStream([1, 2, 3], 0, 3, writable: false, publiclyVisible: true), Cancellation);
        await RequeueAsync(TimeSpan.FromHours(2));

        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
        foreach (var container in (string[])[StorageNames.ReportsContainer, StorageNames.QuarantineContainer])
        {
            var stored = Assert.Single(await BlobsAsync(container));
            var shown = ReportInbox.ArrivalOf(RawReportId.Parse(stored.Name), stored.Properties.ETag!.Value, default, stored.Metadata).Name.Value;
            Assert.StartsWith(shown, name, StringComparison.Ordinal);
            Assert.InRange(shown.Length, 400, 500);
        }
    }

    [Fact]
    public async Task An_empty_inbox_requires_nothing()
    {
        await RequeueAsync(TimeSpan.FromHours(2));

        Assert.Empty(await MessagesAsync());
        Assert.Empty(_log.Lines);
    }

    // Blobs carry storage's own time, so the clock of the function is ahead of it.
    private static Microsoft.Extensions.Time.Testing.FakeTimeProvider At(TimeSpan later) => new(DateTimeOffset.UtcNow + later);

    private Task RequeueAsync(TimeSpan later) => _storage.Requeuer(At(later), _log.For<StaleReportRequeuer>(), _inbox).RunAsync(Cancellation);

    private Task<Azure.Response<BlobContentInfo>> DropAsync(string name, byte[] content, params (string Key, string Value)[] metadata) =>
        _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient(name)
            .UploadAsync(new BinaryData(content), new BlobUploadOptions { Metadata = metadata.ToDictionary(pair => pair.Key, pair => pair.Value) }, Cancellation);

    private async Task<IReadOnlyList<string>> MessagesAsync()
    {
        var queue = _storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue);
        var messages = (await queue.ReceiveMessagesAsync(32, cancellationToken: Cancellation)).Value;
        foreach (var message in messages)
        {
            await queue.DeleteMessageAsync(message.MessageId, message.PopReceipt, Cancellation);
        }

        return [.. messages.Select(message => message.MessageText)];
    }

    private async Task<List<BlobItem>> BlobsAsync(string container) =>
        await _storage.Blobs.GetBlobContainerClient(container).GetBlobsAsync(new GetBlobsOptions { Traits = BlobTraits.Metadata }, Cancellation).ToListAsync(Cancellation);

    private sealed class Unwritable(string blob) : HttpPipelinePolicy
    {
        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) =>
            message.Request.Method == RequestMethod.Put && message.Request.Uri.Path.EndsWith(blob, StringComparison.Ordinal) ? throw new IOException("torn") : ProcessNextAsync(message, pipeline);
    }
}
