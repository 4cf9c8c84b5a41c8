using MimeKit;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Protocol;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>True and forged reports, from arrival to the rows and the totals.</summary>
public sealed class ForgedReportTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DateOnly Day = new(2026, 3, 13);

    private readonly RecordedLog _log = new();
    private TestStorage _storage = null!;
    private SignedMailFactory _lab = null!;
    private ReportIngestion _function = null!;
    private DkimKey _key = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        await _storage.Publisher.PublishAsync(Domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        _lab = new SignedMailFactory(_storage.Time);
        _key = _lab.Key("company-x.example");
        _function = Ingest.FunctionOn(_storage, _log.For<ReportIngestion>(), dns: _lab.Dns);
    }

    public async ValueTask DisposeAsync()
    {
        await _lab.DisposeAsync();
        _log.Dispose();
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_signed_mail_counts_and_its_DKIM_result_stays_after_the_key_is_removed()
    {
        var raw = Signed(Samples.Json(Samples.Policy()));
        await IngestAsync(raw);
        Assert.Equal([new DailySessions(Day, 90, 10)], await DaysAsync());

        _lab.Zone.Remove(_key.RecordName);
        await IngestAsync(raw, name: "again.eml");

        var report = Assert.Single(await ReportsAsync());
        Assert.Equal((AuthenticationResult.Aligned, "company-x.example", ReportSource.Mail, true), (report.Authentication, report.SignedBy, report.Source, report.IsCounted));
        Assert.Equal([new DailySessions(Day, 90, 10)], await DaysAsync());
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    [Trait("Conformance", "RPT-6")]
    public async Task Forged_reports_neither_displace_the_true_one_nor_count_in_any_order()
    {
        var forged = Samples.Json(Samples.Policy(sessions: 0, failures: 1_000_000));
        var mail = SignedMailFactory.Mail(forged);
        _lab.Key("attacker.example").Sign(mail);
        var changed = Signed(Samples.Json(Samples.Policy(sessions: 1, failures: 1)));
        Replace(changed, "Report Domain: example.com", "Report Domain: example.COM");
        byte[][] forgeries =
        [
            SignedMailFactory.Raw(mail),
            SignedMailFactory.Raw(SignedMailFactory.Mail(Samples.Json(Samples.Policy(sessions: 2, failures: 2)))),
            changed,
            Samples.Json(Samples.Policy(sessions: 3, failures: 3)),
        ];

        foreach (var raw in forgeries)
        {
            await IngestAsync(raw);
        }

        await IngestAsync(Samples.Json(Samples.Policy(sessions: 4, failures: 4)), ReportSource.Https);
        Assert.Empty(await DaysAsync());

        await IngestAsync(Signed(Samples.Json(Samples.Policy())));
        foreach (var raw in forgeries)
        {
            await IngestAsync(raw);
        }

        Assert.Equal([new DailySessions(Day, 90, 10)], await DaysAsync());
        var reports = await ReportsAsync();
        Assert.Equal(
            [AuthenticationResult.Aligned, AuthenticationResult.Signed, AuthenticationResult.Unverified, AuthenticationResult.Unverified, AuthenticationResult.Fail, AuthenticationResult.Unverified],
            reports.Select(report => report.Authentication));
        Assert.Equal([false, true, true, true, true, true], reports.Select(report => report.Superseded));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_POST_is_never_verified_even_if_it_is_a_signed_mail()
    {
        await IngestAsync(Signed(Samples.Json(Samples.Policy())), ReportSource.Https);

        var report = Assert.Single(await ReportsAsync());
        Assert.Equal((AuthenticationResult.Unverified, "", ReportSource.Https, false), (report.Authentication, report.SignedBy, report.Source, report.IsCounted));
        Assert.Equal(0, _lab.Zone.QuestionCount);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_mail_waits_in_the_inbox_while_DNS_does_not_return_the_key_and_then_counts_once()
    {
        _lab.Zone.Behave(_key.RecordName, DnsBehaviour.ServerFailure);
        await IngestAsync(Signed(Samples.Json(Samples.Policy())), name: "waits.eml");
        Assert.Empty(await ReportsAsync());
        Assert.True(await InboxAsync("waits.eml"));
        var queue = _storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue);
        // It is retried by itself, but not yet.
        Assert.Equal(1, (await queue.GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount);
        Assert.Null((await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value);

        _lab.Zone.Behave(_key.RecordName, DnsBehaviour.Normal);
        await _function.RunAsync(BlobCreatedEvent.Again("waits.eml"), Cancellation);

        Assert.Equal(AuthenticationResult.Aligned, Assert.Single(await ReportsAsync()).Authentication);
        Assert.False(await InboxAsync("waits.eml"));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_mail_whose_key_is_unavailable_for_hours_is_stored_and_does_not_count()
    {
        _lab.Zone.Behave(_key.RecordName, DnsBehaviour.ServerFailure);
        _storage.Time.SetUtcNow(DateTimeOffset.UtcNow + ReportIngestion.KeyRetryPeriod + TimeSpan.FromMinutes(1));

        await IngestAsync(Signed(Samples.Json(Samples.Policy())));

        var report = Assert.Single(await ReportsAsync());
        Assert.Equal((AuthenticationResult.TemporaryError, false), (report.Authentication, report.IsCounted));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task Each_report_of_one_mail_is_authenticated_by_its_own_organization()
    {
        var own = TlsReportJson.Write(Samples.Report(Samples.Policy()) with { OrganizationName = "company-x.example", ReportId = "own" });
        var others = TlsReportJson.Write(Samples.Report(Samples.Policy()) with { OrganizationName = "victim.example", ReportId = "others" });
        using var raw = new MemoryStream(Samples.Mail(("application/tlsrpt+json", null, own), ("application/tlsrpt+json", null, others)));
        var mail = MimeMessage.Load(raw, Cancellation);
        _key.Sign(mail);

        await IngestAsync(SignedMailFactory.Raw(mail));

        Assert.Equal(
            [("others", AuthenticationResult.Signed), ("own", AuthenticationResult.Aligned)],
            (await ReportsAsync()).Select(report => (report.ReportId, report.Authentication)).OrderBy(report => report.ReportId, StringComparer.Ordinal));
    }

    private byte[] Signed(byte[] json)
    {
        var mail = SignedMailFactory.Mail(json);
        _key.Sign(mail);
        return SignedMailFactory.Raw(mail);
    }

    private static void Replace(byte[] raw, string text, string by)
    {
        var at = raw.AsSpan().IndexOf(Samples.Utf8(text));
        Assert.True(at >= 0);
        Samples.Utf8(by).CopyTo(raw, at);
    }

    private async Task IngestAsync(byte[] raw, ReportSource? source = null, string name = "report")
    {
        var blob = _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient(name);
        var metadata = new Dictionary<string, string>();
        if (source is { } known)
        {
            metadata["source"] = known.ToString();
        }

        await blob.UploadAsync(new BinaryData(raw), new Azure.Storage.Blobs.Models.BlobUploadOptions { Metadata = metadata }, Cancellation);
        await _function.RunAsync(BlobCreatedEvent.Again(name), Cancellation);
    }

    private async Task<bool> InboxAsync(string name) =>
        await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient(name).ExistsAsync(Cancellation);

    private Task<IReadOnlyList<Report>> ReportsAsync() => _storage.Reports.ReadAsync(Domain, new DateOnly(2026, 1, 1), Cancellation);

    // As the list shows them once what arrived was evaluated.
    private async Task<IReadOnlyList<DailySessions>> DaysAsync()
    {
        await _storage.EvaluateReports().RunAsync(new DomainMessage(Keys.Domain(Domain)).ToJson(), Cancellation);
        return Assert.Single(await _storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Days;
    }
}
