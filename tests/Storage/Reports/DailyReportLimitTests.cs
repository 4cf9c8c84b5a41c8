using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.Logging.Abstractions;
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

/// <summary>A signer, or the unsigned reports on a domain, have a daily limit for mail and files. Reports beyond it wait in quarantine, unchanged.</summary>
public sealed class DailyReportLimitTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Signer = "company-x.example";

    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DomainName Other = DomainName.Parse("other.example");

    private TestStorage _storage = null!;
    private SignedMailFactory _lab = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        _lab = new SignedMailFactory(_storage.Time);
        foreach (var domain in (DomainName[])[Domain, Other])
        {
            await _storage.Publisher.PublishAsync(domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        }
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Reports_of_a_signer_beyond_its_daily_limit_go_to_quarantine_with_the_reason_and_can_be_reprocessed()
    {
        byte[][] mails = [Mail("1", Signer), Mail("2", Signer), Mail("3", Signer)];
        foreach (var mail in mails)
        {
            await ArriveAsync(mail, mostADay: 2);
        }

        Assert.Equal(["1", "2"], await ReportIdsAsync(Domain));
        var (id, content, reason) = Assert.Single(await QuarantineAsync());
        Assert.Equal(mails[2], content);
        Assert.Equal("company-x.example has had its 2 reports of 2026-03-14 (Sts__ReportsPerSignerAndDay).", reason);

        // Its signature is stored there, though the key is gone; and a request for it by name is not counted.
        _lab.Zone.Remove(SignedMailFactory.AnyKey.As(Signer).RecordName);
        await RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, RawReportId.Parse(id)).ToJson(), mostADay: 2);
        Assert.Equal(["1", "2", "3"], await ReportIdsAsync(Domain));
        Assert.All(await ReportsAsync(Domain), report => Assert.Equal((AuthenticationResult.Aligned, Signer), (report.Authentication, report.SignedBy)));
        Assert.Empty(await QuarantineAsync());
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Each_signer_has_its_own_limit_and_a_new_one_each_day()
    {
        await ArriveAsync(Mail("1", Signer), mostADay: 1);
        await ArriveAsync(Mail("2", Signer), mostADay: 1);
        await ArriveAsync(Mail("3", "second.example"), mostADay: 1);
        Assert.Single(await QuarantineAsync());

        _storage.Time.Advance(TimeSpan.FromDays(1));
        await ArriveAsync(Mail("4", Signer), mostADay: 1);

        Assert.Equal(["1", "3", "4"], await ReportIdsAsync(Domain));
        Assert.Single(await QuarantineAsync());
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Unsigned_reports_are_counted_for_each_policy_domain_and_for_no_signer()
    {
        await ArriveAsync(Mail("1"), mostADay: 2);
        await ArriveAsync(Json("2", Domain), mostADay: 2);
        await ArriveAsync(Mail("3"), mostADay: 2);
        await ArriveAsync(Json("4", Domain, Other), mostADay: 2);
        await ArriveAsync(Json("5", Other), mostADay: 2);
        await ArriveAsync(Mail("6", Signer), mostADay: 2);

        Assert.Equal(["1", "2", "6"], await ReportIdsAsync(Domain));
        Assert.Equal(["5"], await ReportIdsAsync(Other));
        Assert.All(await QuarantineAsync(), lying => Assert.Equal("Unsigned reports on example.com have had their 2 of 2026-03-14 (Sts__ReportsPerSignerAndDay).", lying.Reason));
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_trusted_signer_has_a_limit_by_the_number_of_domains_and_a_POST_has_its_own()
    {
        for (var n = 1; n <= 3; n++)
        {
            await ArriveAsync(Mail($"{n}", "mail.google.com"), mostADay: 1);
            await ArriveAsync(Json($"posted {n}", Domain), mostADay: 1, ReportSource.Https);
        }

        Assert.Equal(6, (await ReportsAsync(Domain)).Count);
        Assert.Empty(await QuarantineAsync());
    }

    [Fact]
    public async Task A_counted_report_takes_one_storage_call_more_than_an_uncounted_one()
    {
        await using var proxy = await FaultInjectionProxy.StartAsync(_storage.ConnectionString, Cancellation);
        var calls = 0;
        proxy.OnCall = _ =>
        {
            Interlocked.Increment(ref calls);
            return null;
        };
        var function = Ingest.FunctionOn(new TestStorage(proxy.ConnectionString), NullLogger<ReportIngestion>.Instance, dns: _lab.Dns, mostADay: 100);
        // The first of all finds a list without the domain's line.
        await CallsAsync("0", "google.com");

        var notCounted = await CallsAsync("1", "google.com");
        Assert.Equal(notCounted + 1, await CallsAsync("2", Signer));
        Assert.Equal(notCounted + 1, await CallsAsync("3", Signer));
        Assert.Equal(notCounted + 1, await CallsAsync("4", Signer));
        Assert.Equal(5, (await ReportsAsync(Domain)).Count);

        async Task<int> CallsAsync(string id, string signer)
        {
            await DropAsync($"{id}.eml", Mail(id, signer));
            calls = 0;
            await function.RunAsync(BlobCreatedEvent.Again($"{id}.eml"), Cancellation);
            return calls;
        }
    }

    private async Task ArriveAsync(byte[] raw, int mostADay, ReportSource source = ReportSource.Mail)
    {
        using var body = new MemoryStream(raw, 0, raw.Length, writable: false, publiclyVisible: true);
        await RunAsync(BlobCreatedEvent.Again(await _storage.Inbox.PutAsync(body, source, Cancellation)), mostADay);
    }

    // Each time another instance of the app.
    private Task RunAsync(string message, int mostADay) =>
        Ingest.FunctionOn(_storage, NullLogger<ReportIngestion>.Instance, dns: _lab.Dns, mostADay: mostADay).RunAsync(message, Cancellation);

    private Task<Azure.Response<BlobContentInfo>> DropAsync(string name, byte[] raw) =>
        _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient(name).UploadAsync(new BinaryData(raw), Cancellation);

    private static byte[] Json(string id, params DomainName[] domains) =>
        TlsReportJson.Write(Samples.Report([.. domains.Select(domain => Samples.Policy(domain.Value))]) with { ReportId = id });

    private byte[] Mail(string id, string? signer = null)
    {
        var mail = SignedMailFactory.Mail(Json(id, Domain), from: $"tlsrpt@{signer ?? Signer}");
        if (signer is not null)
        {
            _lab.Key(signer).Sign(mail);
        }

        return SignedMailFactory.Raw(mail);
    }

    private Task<IReadOnlyList<Report>> ReportsAsync(DomainName domain) => _storage.Reports.ReadAsync(domain, new DateOnly(2026, 1, 1), Cancellation);

    private async Task<IEnumerable<string>> ReportIdsAsync(DomainName domain) => (await ReportsAsync(domain)).Select(report => report.ReportId).Order();

    private async Task<List<(string Id, byte[] Content, string Reason)>> QuarantineAsync()
    {
        var container = _storage.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer);
        var lying = new List<(string, byte[], string)>();
        await foreach (var blob in container.GetBlobsAsync(new GetBlobsOptions { Traits = BlobTraits.Metadata }, Cancellation))
        {
            lying.Add((blob.Name, (await container.GetBlobClient(blob.Name).DownloadContentAsync(Cancellation)).Value.Content.ToArray(), blob.Metadata[ReportInbox.ReasonKey]));
        }

        return lying;
    }
}
