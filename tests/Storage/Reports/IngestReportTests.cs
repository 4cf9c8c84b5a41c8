using System.IO.Compression;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Protocol;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

public sealed class IngestReportTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private readonly RecordedLog _log = new();
    private TestStorage _storage = null!;
    private ReportInbox _inbox = null!;
    private ReportIngestion _function = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        await _storage.Publisher.PublishAsync(Domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        _inbox = _storage.Inbox;
        _function = Ingest.FunctionOn(_storage, _log.For<ReportIngestion>());
    }

    public ValueTask DisposeAsync()
    {
        _log.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_report_becomes_rows_and_the_list_is_updated()
    {
        await IngestAsync(Samples.Json(Samples.Policy(details: Samples.Failure("certificate-expired", "mx1.example.com", "192.0.2.1", 10))));

        var report = Assert.Single(await ReportsAsync());
        Assert.Equal(
            ("example.com", "Company-X", "5065427c-23d3-47ca-b6e0-946ea0e8c4be", 90, 10, ReportSource.Https, false),
            (report.Domain, report.Submitter, report.ReportId, report.Sessions, report.Failures, report.Source, report.Superseded));
        Assert.Equal([new ReportFailure("certificate-expired", "mx1.example.com", "192.0.2.1", 10, "")], await _storage.Reports.ReadFailuresAsync(report, Cancellation));
        // Posted: shown, and in no total.
        Assert.Empty(Assert.Single(await _storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Days);
        Assert.Empty(await QuarantineAsync());
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task A_message_that_is_delivered_twice_counts_once()
    {
        var blob = await PutAsync(Samples.Json(Samples.Policy()));

        await RunAsync(blob);
        await RunAsync(blob);

        Assert.Equal(90, Assert.Single(await ReportsAsync()).Sessions);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task The_same_report_by_mail_and_by_POST_counts_once()
    {
        var json = Samples.Json(Samples.Policy());

        await IngestAsync(json);
        await IngestAsync(Samples.Mail(("application/tlsrpt+gzip", null, Samples.Gzip(json))));

        Assert.Single(await ReportsAsync());
        Assert.Empty(await QuarantineAsync());
    }

    [Fact]
    [Trait("Conformance", "RPT-7")]
    public async Task Rows_are_stored_only_for_hosted_domains_and_with_their_own_figures()
    {
        await _storage.Publisher.PublishAsync(DomainName.Parse("other.example"), Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);

        await IngestAsync(Samples.Json(Samples.Policy(), Samples.Policy("other.example", sessions: 7, failures: 0), Samples.Policy("unhosted.example", sessions: 1_000)));

        Assert.Equal((90, 10), (await ReportsAsync()).Select(report => (report.Sessions, report.Failures)).Single());
        Assert.Equal(7, Assert.Single(await _storage.Reports.ReadAsync(DomainName.Parse("other.example"), new DateOnly(2026, 1, 1), Cancellation)).Sessions);
        Assert.Empty(await _storage.Reports.ReadAsync(DomainName.Parse("unhosted.example"), new DateOnly(2026, 1, 1), Cancellation));
        Assert.Contains(_log.Lines, line => line.Text.Contains("unhosted.example", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Conformance", "RPT-7")]
    public async Task A_report_without_a_hosted_domain_goes_to_quarantine_with_the_reason()
    {
        var blob = await IngestAsync(Samples.Json(Samples.Policy("unhosted.example")));

        Assert.Equal((blob, "Not hosted here: unhosted.example."), Assert.Single(await QuarantineAsync()));
        Assert.False(await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient(blob).ExistsAsync(Cancellation));
    }

    [Fact]
    public async Task An_unreadable_blob_goes_to_quarantine_unchanged_and_its_redelivered_message_does_nothing()
    {
        var raw = Samples.Utf8("no report\u0007 ü at all");
        var blob = await IngestAsync(raw);

        await RunAsync(blob);

        var (name, reason) = Assert.Single(await QuarantineAsync());
        Assert.Equal(blob, name);
        Assert.DoesNotContain(reason, c => c is < ' ' or > '~');
        var stored = Assert.Single(await BlobsAsync(StorageNames.QuarantineContainer));
        Assert.Equal(raw, (await _storage.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobClient(stored.Name).DownloadContentAsync(Cancellation)).Value.Content.ToArray());
    }

    [Fact]
    public async Task A_kill_between_the_copy_to_quarantine_and_the_delete_is_repaired()
    {
        var blob = await PutAsync(Samples.Utf8("no report"));
        var killed = _storage.InboxOn(BlobsThatDieBefore(RequestMethod.Delete));
        var opened = (await killed.OpenAsync(BlobName.Parse(blob), Cancellation))!.Value.Arrival;
        await Assert.ThrowsAsync<IOException>(() => killed.QuarantineAsync(opened, null, "Neither JSON nor else.", Cancellation));
        Assert.Single(await QuarantineAsync());

        await RunAsync(blob);

        Assert.Contains("Neither JSON", Assert.Single(await QuarantineAsync()).Reason, StringComparison.Ordinal);
        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
    }

    [Fact]
    [Trait("Conformance", "RPT-5")]
    public async Task A_report_without_a_policy_is_empty_where_its_mail_names_the_domain()
    {
        await IngestAsync(SignedMailFactory.Raw(SignedMailFactory.Mail(Samples.Json(), headers: ("TLS-Report-Domain", "example.com"))));

        var report = Assert.Single(await _storage.Reports.ReadAsync(DomainName.Parse("example.com"), new DateOnly(2026, 1, 1), Cancellation));
        Assert.Equal((0L, 0L), (report.Sessions, report.Failures));
        Assert.Contains(report.Notes, note => note.StartsWith("policies-empty", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task Each_mail_of_one_file_authenticates_only_its_own_report()
    {
        await using var lab = new SignedMailFactory(_storage.Time);
        var signed = SignedMailFactory.Mail(TlsReportJson.Write(Samples.Report(Samples.Policy()) with { ReportId = "true" }));
        lab.Key("company-x.example").Sign(signed);
        var forged = SignedMailFactory.Mail(TlsReportJson.Write(Samples.Report(Samples.Policy()) with { ReportId = "forged" }));
        var zip = ZipOf(("1.eml", SignedMailFactory.Raw(signed)), ("2.eml", SignedMailFactory.Raw(forged)));
        await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient("mails.zip").UploadAsync(new BinaryData(zip), Cancellation);

        await Ingest.FunctionOn(_storage, NullLogger<ReportIngestion>.Instance, dns: lab.Dns).RunAsync(BlobCreatedEvent.Again("mails.zip"), Cancellation);

        Assert.Equal(
            [("forged", AuthenticationResult.Unverified), ("true", AuthenticationResult.Aligned)],
            (await _storage.Reports.ReadAsync(DomainName.Parse("example.com"), new DateOnly(2026, 1, 1), Cancellation)).Select(report => (report.ReportId, report.Authentication)).Order());
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_partially_read_report_counts_in_part_and_is_shown_in_quarantine()
    {
        var zip = ZipOf(("1.json", Samples.Json(Samples.Policy())), ("2.json.gz", Samples.Gzip(Samples.Json(Samples.Policy()))[..^9]), ("other.json", Samples.Utf8("{\"kind\":\"meta\"}")));
        var blob = await IngestAsync(zip);

        Assert.Single(await _storage.Reports.ReadAsync(DomainName.Parse("example.com"), new DateOnly(2026, 1, 1), Cancellation));
        var (name, reason) = Assert.Single(await QuarantineAsync());
        Assert.Equal(blob, name);
        Assert.StartsWith("Read in part: The compressed data is broken", reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_blob_larger_than_the_limit_goes_to_quarantine_unchanged()
    {
        var raw = new byte[(4 << 20) + 1];
        new Random(1).NextBytes(raw);
        await IngestAsync(raw);

        Assert.Contains("larger than", Assert.Single(await QuarantineAsync()).Reason, StringComparison.Ordinal);
        var stored = Assert.Single(await BlobsAsync(StorageNames.QuarantineContainer));
        Assert.Equal(raw, (await _storage.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobClient(stored.Name).DownloadContentAsync(Cancellation)).Value.Content.ToArray());
        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_mail_over_a_limit_goes_to_quarantine_permanently_and_the_next_report_is_read()
    {
        var blob = await IngestAsync(Samples.Utf8("From: " + string.Concat(Enumerable.Repeat("a@b.example,", 200_000)) + "\r\n\r\n{}"));
        await IngestAsync(Samples.Json(Samples.Policy()));

        Assert.Equal((blob, "The mail has a header field of more than the 65536 bytes that are read."), Assert.Single(await QuarantineAsync()));
        Assert.Single(await ReportsAsync());
        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
    }

    [Fact]
    public async Task A_report_without_a_policy_goes_to_quarantine()
    {
        await IngestAsync(Samples.Json());

        Assert.Contains("no policy", Assert.Single(await QuarantineAsync()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_blob_is_no_failure()
    {
        await RunAsync("2026-03-14/gone");

        Assert.Empty(await ReportsAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"subject":7}""")]
    [InlineData("""{"subject":"/blobServices/default/containers/reports-inbox/blobs/"}""")]
    [InlineData("""{"subject":"/blobServices/default/containers/policies/blobs/example.com"}""")]
    public async Task A_message_that_is_not_an_event_fails_and_ends_on_the_poison_queue(string message) =>
        await Assert.ThrowsAsync<InvalidBlobEventException>(() => _function.RunAsync(message, Cancellation));

    [Theory]
    [InlineData('a', 16_000)]
    [InlineData('\u0416', 2_600)]
    public async Task The_most_hostile_valid_report_becomes_rows_that_storage_accepts(char letter, int length)
    {
        // About the longest strings that the parser accepts, as they are in JSON, with all the characters that are forbidden in keys.
        var longest = new string(letter, length) + "/\\#?\u0000\u001f'\"";
        var hostile = Samples.Report(Samples.Policy(
            type: longest, sessions: (1L << 53) - 1, failures: (1L << 53) - 1,
            details: [.. Enumerable.Range(0, 300).Select(n => Samples.Failure($"{n}{longest}", $"{n}{longest}", $"{n}{longest}", (1L << 53) - 1, $"{n}{longest}"))]))
            with
        { OrganizationName = longest, ReportId = longest, ContactInfo = longest };

        await IngestAsync(Samples.Gzip(TlsReportJson.Write(hostile)));

        Assert.Empty(await QuarantineAsync());
        var report = Assert.Single(await ReportsAsync());
        Assert.Equal(longest, report.ReportId);
        Assert.Equal(300, (await _storage.Reports.ReadFailuresAsync(report, Cancellation)).Count);
        await IngestAsync(Samples.Gzip(TlsReportJson.Write(hostile)));
        Assert.Single(await ReportsAsync());
    }

    [Fact]
    public async Task A_report_without_its_optional_members_is_read()
    {
        await IngestAsync(TlsReportJson.Write(Samples.Report(Samples.Policy(type: PolicyTypes.NoPolicyFound)) with { OrganizationName = null, ContactInfo = null }));

        Assert.Equal("", Assert.Single(await ReportsAsync()).Submitter);
    }

    [Fact]
    public async Task A_report_that_was_read_is_archived_and_leaves_the_inbox()
    {
        var raw = Samples.Gzip(Samples.Json(Samples.Policy()));
        await IngestAsync(raw);

        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
        var stored = Assert.Single(await BlobsAsync(StorageNames.ReportsContainer));
        Assert.Equal(stored.Name, Assert.Single(await ReportsAsync()).Blob);
        Assert.Equal(raw, (await _storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient(stored.Name).DownloadContentAsync(Cancellation)).Value.Content.ToArray());
    }

    [Fact]
    public async Task Two_reports_that_are_uploaded_under_one_name_in_sequence_are_both_read()
    {
        foreach (var n in (int[])[1, 2])
        {
            await DropAsync("report.json", TlsReportJson.Write(Samples.Report(Samples.Policy()) with { ReportId = $"id {n}" }));
            await RunAsync("report.json");
        }

        Assert.Equal(["id 1", "id 2"], (await ReportsAsync()).Select(report => report.ReportId).Order());
        Assert.Equal(2, (await BlobsAsync(StorageNames.ReportsContainer)).Count);
    }

    [Fact]
    public async Task A_report_that_replaces_one_in_work_is_not_deleted_with_it()
    {
        await DropAsync("report.json", Samples.Json(Samples.Policy()));
        var opened = (await _inbox.OpenAsync(BlobName.Parse("report.json"), Cancellation))!.Value.Arrival;
        await DropAsync("report.json", TlsReportJson.Write(Samples.Report(Samples.Policy()) with { ReportId = "the other" }));

        await _inbox.RemoveAsync(opened, Cancellation);
        await _inbox.QuarantineAsync(opened, null, "no reason", Cancellation);

        Assert.Empty(await QuarantineAsync());
        await RunAsync("report.json");
        Assert.Equal("the other", Assert.Single(await ReportsAsync()).ReportId);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task A_kill_before_the_blob_leaves_the_inbox_counts_nothing_twice()
    {
        var blob = await PutAsync(Samples.Json(Samples.Policy()));
        var killed = _storage.InboxOn(BlobsThatDieBefore(RequestMethod.Delete));
        var function = Ingest.FunctionOn(_storage, _log.For<ReportIngestion>(), inbox: killed);
        await Assert.ThrowsAsync<IOException>(() => function.RunAsync(BlobCreatedEvent.Again(blob), Cancellation));

        await RunAsync(blob);

        Assert.Single(await ReportsAsync());
        Assert.Single(await BlobsAsync(StorageNames.ReportsContainer));
        Assert.Empty(await BlobsAsync(StorageNames.InboxContainer));
    }

    private Task<Azure.Response<BlobContentInfo>> DropAsync(string name, byte[] raw) =>
        _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient(name).UploadAsync(new BinaryData(raw), overwrite: true, Cancellation);

    private BlobServiceClient BlobsThatDieBefore(RequestMethod method)
    {
        var options = new BlobClientOptions { Retry = { MaxRetries = 0 } };
        options.AddPolicy(new Death(method), HttpPipelinePosition.PerCall);
        return new BlobServiceClient(_storage.ConnectionString, options);
    }

    private async Task<List<BlobItem>> BlobsAsync(string container) =>
        await _storage.Blobs.GetBlobContainerClient(container).GetBlobsAsync(new GetBlobsOptions { Traits = BlobTraits.Metadata }, Cancellation).ToListAsync(Cancellation);

    private async Task<string> PutAsync(byte[] raw)
    {
        using var buffer = new MemoryStream();
        buffer.Write(raw);
        return await _inbox.PutAsync(buffer, ReportSource.Https, Cancellation);
    }

    private async Task<string> IngestAsync(byte[] raw)
    {
        var blob = await PutAsync(raw);
        await RunAsync(blob);
        return blob;
    }

    private Task RunAsync(string blob) => _function.RunAsync(
        $$"""{"specversion":"1.0","type":"Microsoft.Storage.BlobCreated","subject":"/blobServices/default/containers/reports-inbox/blobs/{{blob}}"}""", Cancellation);

    private Task<IReadOnlyList<Report>> ReportsAsync() => _storage.Reports.ReadAsync(Domain, new DateOnly(2026, 1, 1), Cancellation);

    private async Task<List<(string Name, string Reason)>> QuarantineAsync() =>
        [.. (await BlobsAsync(StorageNames.QuarantineContainer)).Select(blob => (Uri.UnescapeDataString(blob.Metadata["name"]), blob.Metadata["reason"]))];

    private sealed class Death(RequestMethod before) : HttpPipelinePolicy
    {
        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) =>
            message.Request.Method == before ? throw new IOException("killed") : ProcessNextAsync(message, pipeline);
    }

    private static byte[] ZipOf(params (string Name, byte[] Content)[] files)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        return file.ToArray();
    }
}
