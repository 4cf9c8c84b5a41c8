using System.Globalization;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Protocol;
using StsFunctions.Tests.Storage;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Raw reports read again.</summary>
public sealed class ReprocessTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DomainName Later = DomainName.Parse("later.example");
    private static readonly Policy Policy = Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8);

    private readonly RecordedLog _log = new();
    private TestStorage _storage = null!;
    private ReportIngestion _function = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        await _storage.Publisher.PublishAsync(Domain, Policy, null, Cancellation);
        _function = Ingest.FunctionOn(_storage, _log.For<ReportIngestion>());
    }

    public ValueTask DisposeAsync()
    {
        _log.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task A_reprocessed_report_is_counted_once_and_a_better_reading_replaces_the_first()
    {
        await IngestAsync(Samples.Json(Samples.Policy(details: Samples.Failure("certificate-expired", "mx1.example.com", "192.0.2.1", 10))));
        var first = Assert.Single(await ReportsAsync(Domain));
        // As an earlier version of the app took it: another sender, other counts, no digest.
        await _storage.Reports.ReplaceAsync(first with { Submitter = "misread", Sessions = 1, Digest = null }, [new("misread", "", "", 10, "")], Cancellation);
        Assert.Equal("misread", Assert.Single(await ReportsAsync(Domain)).Submitter);

        await RunAsync(ReprocessRequest.One(StorageNames.ReportsContainer, RawReportId.Parse(first.Blob)));
        await RunAsync(ReprocessRequest.One(StorageNames.ReportsContainer, RawReportId.Parse(first.Blob)));

        AssertSame(first, Assert.Single(await ReportsAsync(Domain)));
        Assert.Equal("certificate-expired", Assert.Single(await _storage.Reports.ReadFailuresAsync(first, Cancellation)).ResultType);
        await StoreInvariants.AssertAsync(_storage);
    }

    [Fact]
    [Trait("Conformance", "RPT-7")]
    public async Task A_quarantined_blob_leaves_quarantine_once_it_can_be_read()
    {
        await IngestAsync(Samples.Json(Samples.Policy("later.example")));
        var lying = Assert.Single(await NamesAsync(StorageNames.QuarantineContainer));
        await RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, RawReportId.Parse(lying)));
        Assert.Equal([lying], await NamesAsync(StorageNames.QuarantineContainer));

        await _storage.Publisher.PublishAsync(Later, Policy, null, Cancellation);
        await RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, RawReportId.Parse(lying)));
        await RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, RawReportId.Parse(lying)));

        var report = Assert.Single(await ReportsAsync(Later));
        Assert.Equal((90L, ReportSource.Https), (report.Sessions, report.Source));
        Assert.Equal([report.Blob], await NamesAsync(StorageNames.ReportsContainer));
        Assert.Empty(await NamesAsync(StorageNames.QuarantineContainer));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Conformance", "ARR-3")]
    public async Task The_signer_of_a_quarantined_mail_is_known_after_its_key_is_removed(bool isReadAtFirst)
    {
        await using var lab = new SignedMailFactory(_storage.Time);
        var key = lab.Key("company-x.example");
        var mail = SignedMailFactory.Mail(Samples.Json(Samples.Policy("later.example")));
        key.Sign(mail);
        await IngestAsync(SignedMailFactory.Raw(mail), ReportSource.Mail, FunctionOn(maxExpanded: isReadAtFirst ? 64 << 20 : 10));
        var lying = Assert.Single(await NamesAsync(StorageNames.QuarantineContainer));

        lab.Zone.Remove(key.RecordName);
        await _storage.Publisher.PublishAsync(Later, Policy, null, Cancellation);
        await FunctionOn().RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, RawReportId.Parse(lying)).ToJson(), Cancellation);

        var report = Assert.Single(await ReportsAsync(Later));
        Assert.Equal((AuthenticationResult.Aligned, "company-x.example", true), (report.Authentication, report.SignedBy, report.IsCounted));

        // Nor is it forgotten where it is now, whatever happens to its row.
        await _storage.Tables.GetTableClient(StorageNames.ReportsTable).DeleteEntityAsync(report.Domain, report.Key, cancellationToken: Cancellation);
        await FunctionOn().RunAsync(ReprocessRequest.One(StorageNames.ReportsContainer, RawReportId.Parse(report.Blob)).ToJson(), Cancellation);
        Assert.Equal(AuthenticationResult.Aligned, Assert.Single(await ReportsAsync(Later)).Authentication);

        ReportIngestion FunctionOn(int maxExpanded = 64 << 20) => Ingest.FunctionOn(_storage, _log.For<ReportIngestion>(), dns: lab.Dns, maxExpanded: maxExpanded);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_blob_that_is_dropped_into_the_inbox_cannot_name_its_signer()
    {
        var mail = SignedMailFactory.Raw(SignedMailFactory.Mail());
        var metadata = new Dictionary<string, string> { ["signers"] = "company-x.example" };
        await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient("forged")
            .UploadAsync(new BinaryData(mail), new Azure.Storage.Blobs.Models.BlobUploadOptions { Metadata = metadata }, Cancellation);

        await _function.RunAsync(BlobCreatedEvent.Again("forged"), Cancellation);
        var first = Assert.Single(await ReportsAsync(Domain));
        await RunAsync(ReprocessRequest.One(StorageNames.ReportsContainer, RawReportId.Parse(first.Blob)));

        Assert.Equal(AuthenticationResult.Unverified, Assert.Single(await ReportsAsync(Domain)).Authentication);
    }

    [Fact]
    public async Task A_range_of_days_becomes_a_message_for_each_report_of_these_days()
    {
        foreach (var n in (int[])[1, 2, 3])
        {
            await IngestAsync(TlsReportJson.Write(Samples.Report(Samples.Policy()) with { ReportId = $"id {n}" }));
        }

        var day = DateOnly.ParseExact(Assert.Single(await ReportsAsync(Domain), report => report.ReportId == "id 1").Blob[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture);
        foreach (var report in await ReportsAsync(Domain))
        {
            await _storage.Reports.ReplaceAsync(report with { Sessions = 1 }, [], Cancellation);
        }

        await RunAsync(ReprocessRequest.Days(StorageNames.ReportsContainer, day.AddDays(-1), day.AddDays(1)));
        var days = await DrainAsync();
        Assert.Equal(3, days.Count);
        foreach (var message in days)
        {
            await _function.RunAsync(message, Cancellation);
        }

        var ones = await DrainAsync();
        Assert.Equal(3, ones.Count);
        foreach (var message in ones)
        {
            await _function.RunAsync(message, Cancellation);
        }

        Assert.Empty(await DrainAsync());
        Assert.Equal([90L, 90L, 90L], (await ReportsAsync(Domain)).Select(report => report.Sessions));
    }

    [Fact]
    public async Task A_report_that_can_no_longer_be_read_retains_its_rows()
    {
        await IngestAsync(Samples.Json(Samples.Policy()));
        var report = Assert.Single(await ReportsAsync(Domain));
        await _storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient(report.Blob).UploadAsync(new BinaryData("no report"), overwrite: true, Cancellation);

        await RunAsync(ReprocessRequest.One(StorageNames.ReportsContainer, RawReportId.Parse(report.Blob)));
        await RunAsync(ReprocessRequest.One(StorageNames.ReportsContainer, RawReportId.Parse("2026-03-14/gonegonegonegonegonegonego")));

        AssertSame(report, Assert.Single(await ReportsAsync(Domain)));
        Assert.Contains(_log.Lines, line => line.Text.Contains("remains unchanged", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"type":"StsFunctions.Reprocess","container":"policies","id":"2026-03-14/abcdefghijklmnopqrstuvwxyz"}""")]
    [InlineData("""{"type":"StsFunctions.Reprocess","container":"reports"}""")]
    [InlineData("""{"type":"StsFunctions.Reprocess","container":"reports","from":"2026-01-01"}""")]
    [InlineData("""{"type":"StsFunctions.Reprocess","container":"reports","from":"yesterday","to":"today"}""")]
    [InlineData("""{"type":"StsFunctions.Requeue","container":"reports","id":"2026-03-14/abcdefghijklmnopqrstuvwxyz"}""")]
    public async Task A_message_without_a_known_request_fails_and_ends_on_the_poison_queue(string message)
    {
        Assert.Null(ReprocessRequest.FromJson(message));
        await Assert.ThrowsAsync<InvalidBlobEventException>(() => _function.RunAsync(message, Cancellation));
    }

    // Lists compare by what is in them.
    private static void AssertSame(Report expected, Report actual)
    {
        Assert.Equal(expected.Notes, actual.Notes);
        Assert.Equal(expected with { Notes = [] }, actual with { Notes = [] });
    }

    private async Task IngestAsync(byte[] raw, ReportSource source = ReportSource.Https, ReportIngestion? function = null)
    {
        using var body = new MemoryStream();
        body.Write(raw);
        var blob = await _storage.Inbox.PutAsync(body, source, Cancellation);
        await (function ?? _function).RunAsync(BlobCreatedEvent.Again(blob), Cancellation);
    }

    private Task RunAsync(ReprocessRequest request) => _function.RunAsync(request.ToJson(), Cancellation);

    private Task<IReadOnlyList<Report>> ReportsAsync(DomainName domain) => _storage.Reports.ReadAsync(domain, new DateOnly(2026, 1, 1), Cancellation);

    private async Task<List<string>> NamesAsync(string container) =>
        await _storage.Blobs.GetBlobContainerClient(container).GetBlobsAsync(cancellationToken: Cancellation).Select(blob => blob.Name).ToListAsync(Cancellation);

    private async Task<List<string>> DrainAsync()
    {
        var queue = _storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue);
        var texts = new List<string>();
        while ((await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value is { } message)
        {
            texts.Add(message.Body.ToString());
            await queue.DeleteMessageAsync(message.MessageId, message.PopReceipt, Cancellation);
        }

        return texts;
    }
}
