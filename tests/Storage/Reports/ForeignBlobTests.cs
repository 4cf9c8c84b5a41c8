using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>A blob name with a path traversal reaches nothing: no served policy, no raw report, no observation.</summary>
public sealed class ForeignBlobTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Subject = "/blobServices/default/containers/reports-inbox/blobs/";
    // Of a day whose retention has not ended.
    private const string RawId = "2099-01-01/abcdefghijklmnopqrstuvwxyz";

    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private readonly RecordedLog _log = new();
    private TestStorage _storage = null!;
    private ReportIngestion _function = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        await _storage.Publisher.PublishAsync(Domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        await _storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient(RawId).UploadAsync(new BinaryData("kept"), Cancellation);
        _function = Ingest.FunctionOn(_storage, _log.For<ReportIngestion>());
    }

    public ValueTask DisposeAsync()
    {
        _log.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("../policies/example.com")]
    [InlineData("a/../../policies/example.com")]
    [InlineData("./../policies/example.com")]
    [InlineData("..\\\\policies\\\\example.com")]
    [InlineData("%2e%2e/policies/example.com")]
    [InlineData("../reports/" + RawId)]
    public async Task An_event_with_a_blob_of_another_container_deletes_and_reads_nothing(string name)
    {
        await Record.ExceptionAsync(() => _function.RunAsync($$"""{"specversion":"1.0","subject":"{{Subject}}{{name}}"}""", Cancellation));

        await AssertUntouchedAsync();
    }

    [Theory]
    [InlineData("reports-quarantine", "../policies/example.com")]
    [InlineData("reports", "../policies/example.com")]
    [InlineData("reports-quarantine", "../reports/" + RawId)]
    public async Task A_message_to_reprocess_a_blob_of_another_container_deletes_and_reads_nothing(string container, string name)
    {
        // One that would be a report if it were read: read again, it leaves quarantine.
        await _storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient(RawId)
            .UploadAsync(new BinaryData(Samples.Json(Samples.Policy())), overwrite: true, Cancellation);

        foreach (var property in (string[])["blob", "id"])
        {
            await Record.ExceptionAsync(() => _function.RunAsync($$"""{"type":"StsFunctions.Reprocess","container":"{{container}}","{{property}}":"{{name}}"}""", Cancellation));
        }

        await AssertUntouchedAsync();
    }

    [Fact]
    public async Task A_blob_of_the_inbox_with_a_path_traversal_in_its_name_is_ignored_and_stops_no_other()
    {
        var inbox = _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer);
        await inbox.GetBlobClient("placeholder").UploadAsync(new BinaryData("x"), Cancellation);
        await inbox.GetBlobClient("zzz").UploadAsync(new BinaryData("x"), Cancellation);
        // No client of this app makes such a name; a client with a SAS can.
        var options = new BlobClientOptions { Retry = { MaxRetries = 0 } };
        options.AddPolicy(new RenamedInLists("placeholder", "../policies/example.com"), HttpPipelinePosition.PerCall);
        var listing = new TestStorage(_storage.ConnectionString, blobs: new BlobServiceClient(_storage.ConnectionString, options));

        await Record.ExceptionAsync(() => listing.Requeuer(new FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(2))).RunAsync(Cancellation));

        await AssertUntouchedAsync();
        var messages = (await _storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue).ReceiveMessagesAsync(32, cancellationToken: Cancellation)).Value;
        Assert.Equal("zzz", BlobCreatedEvent.NameOf(Assert.Single(messages).MessageText).Value);
    }

    private async Task AssertUntouchedAsync()
    {
        Assert.IsType<PolicyRead.Found>(await _storage.Policies.ReadAsync(Domain, null, Cancellation));
        Assert.True(await _storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient(RawId).ExistsAsync(Cancellation));
        Assert.Empty(await _storage.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobsAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
        Assert.Empty(await _storage.Reports.ReadAsync(Domain, DateOnly.MinValue, Cancellation));
    }

    private sealed class RenamedInLists(string name, string other) : HttpPipelinePolicy
    {
        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            await ProcessNextAsync(message, pipeline);
            if (message.Request.Uri.Query.Contains("comp=list", StringComparison.Ordinal))
            {
                using var reader = new StreamReader(message.Response.ContentStream!);
                message.Response.ContentStream = new MemoryStream(
                    Encoding.UTF8.GetBytes((await reader.ReadToEndAsync(Cancellation)).Replace($"<Name>{name}</Name>", $"<Name>{other}</Name>", StringComparison.Ordinal)));
            }
        }
    }
}
