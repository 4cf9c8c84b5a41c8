using Azure.Storage.Blobs.Models;
using MimeKit;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>The channel of a report is what the app recorded, never what a blob claims.</summary>
public sealed class ForgedProvenanceTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DomainName Later = DomainName.Parse("later.example");
    private static readonly Policy Policy = Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8);

    private readonly RecordedLog _log = new();
    private TestStorage _storage = null!;
    private SignedMailFactory _lab = null!;
    private ReportIngestion _function = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        _lab = new SignedMailFactory(_storage.Time);
        await _storage.Publisher.PublishAsync(Domain, Policy, null, Cancellation);
        _function = Ingest.FunctionOn(_storage, _log.For<ReportIngestion>(), dns: _lab.Dns);
    }

    public async ValueTask DisposeAsync()
    {
        await _lab.DisposeAsync();
        _log.Dispose();
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_dropped_mail_that_claims_to_be_from_the_mailbox_is_not_trusted_for_its_Authentication_Results()
    {
        await DropAsync("forged.eml", ForgedMail(), ("source", "Mailbox"));

        var report = Assert.Single(await ReportsAsync());
        Assert.Equal((ReportSource.Mail, false, ""), (report.Source, report.IsCounted, report.SignedBy));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_mail_of_the_mailbox_is_trusted_for_the_receivers_Authentication_Results()
    {
        await PutAsync(ForgedMail(), ReportSource.Mailbox);

        var report = Assert.Single(await ReportsAsync());
        Assert.Equal((ReportSource.Mailbox, AuthenticationResult.PassByReceiver, "google.com"), (report.Source, report.Authentication, report.SignedBy));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_provenance_is_not_valid_for_another_blob_content_or_channel()
    {
        var blob = await StoreAsync(ForgedMail(), ReportSource.Mailbox);
        var metadata = (await Inbox.GetBlobClient(blob).GetPropertiesAsync(cancellationToken: Cancellation)).Value.Metadata;
        // Copied with all its metadata, onto other bytes.
        var other = ForgedMail(failures: 99);
        await Inbox.GetBlobClient("copy.eml").UploadAsync(new BinaryData(other), new BlobUploadOptions { Metadata = metadata }, Cancellation);
        await _function.RunAsync(BlobCreatedEvent.Again("copy.eml"), Cancellation);
        // And the same bytes, with another channel.
        var posted = await StoreAsync(ForgedMail(failures: 98), ReportSource.Mail);
        var changed = new Dictionary<string, string>((await Inbox.GetBlobClient(posted).GetPropertiesAsync(cancellationToken: Cancellation)).Value.Metadata) { ["source"] = "Mailbox" };
        await Inbox.GetBlobClient(posted).SetMetadataAsync(changed, cancellationToken: Cancellation);
        await _function.RunAsync(BlobCreatedEvent.Again(posted), Cancellation);

        var reports = await ReportsAsync();
        Assert.Equal(2, reports.Count);
        Assert.All(reports, report => Assert.Equal((false, ""), (report.IsCounted, report.SignedBy)));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task The_claim_of_a_dropped_blob_is_still_untrusted_after_quarantine()
    {
        await Inbox.GetBlobClient("stubborn.eml").UploadAsync(
            new BinaryData(ForgedMail("later.example")),
            new BlobUploadOptions { Metadata = new Dictionary<string, string> { ["source"] = "Mailbox", ["signers"] = "google.com", ["tries"] = "3" } },
            Cancellation);
        await _storage.Requeuer(new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(2))).RunAsync(Cancellation);
        var stored = Assert.Single(await _storage.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobsAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
        await _storage.Publisher.PublishAsync(Later, Policy, null, Cancellation);

        await _function.RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, RawReportId.Parse(stored.Name)).ToJson(), Cancellation);

        var report = Assert.Single(await _storage.Reports.ReadAsync(Later, DateOnly.MinValue, Cancellation));
        Assert.Equal((ReportSource.Mail, false, ""), (report.Source, report.IsCounted, report.SignedBy));
    }

    [Fact]
    public async Task A_requeued_mail_is_still_known_as_one_of_the_mailbox()
    {
        var blob = await StoreAsync(ForgedMail(), ReportSource.Mailbox);
        await _storage.Requeuer(new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(2))).RunAsync(Cancellation);

        await _function.RunAsync(BlobCreatedEvent.Again(blob), Cancellation);

        Assert.Equal(AuthenticationResult.PassByReceiver, Assert.Single(await ReportsAsync()).Authentication);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_post_is_still_a_post_without_a_proven_provenance()
    {
        var mail = SignedMailFactory.Mail(Samples.Json(Samples.Policy()));
        _lab.Key("company-x.example").Sign(mail);

        await DropAsync("posted", SignedMailFactory.Raw(mail), ("source", "Https"));

        var report = Assert.Single(await ReportsAsync());
        Assert.Equal((ReportSource.Https, false), (report.Source, report.IsCounted));
    }

    private Azure.Storage.Blobs.BlobContainerClient Inbox => _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer);

    // A mail whose body was rewritten on its way into the mailbox: its signature is not that of this body, and the receiver reports that it was valid.
    private static byte[] ForgedMail(string domain = "example.com", long failures = 10)
    {
        var mail = SignedMailFactory.Mail(Samples.Json(Samples.Policy(domain, failures: failures)), from: "noreply-smtp-tls-reporting@google.com");
        SignedMailFactory.AnyKey.As("google.com", "reports").Sign(mail);
        mail.Subject += " (rewritten)";
        mail.Headers.Insert(0, HeaderId.AuthenticationResults, "spf=pass; dkim=pass (signature was verified) header.d=google.com;");
        return SignedMailFactory.Raw(mail);
    }

    private async Task<string> StoreAsync(byte[] raw, ReportSource source)
    {
        using var body = new MemoryStream();
        body.Write(raw);
        return await _storage.Inbox.PutAsync(body, source, Cancellation);
    }

    private async Task PutAsync(byte[] raw, ReportSource source) => await _function.RunAsync(BlobCreatedEvent.Again(await StoreAsync(raw, source)), Cancellation);

    private async Task DropAsync(string name, byte[] raw, params (string Key, string Value)[] metadata)
    {
        await Inbox.GetBlobClient(name).UploadAsync(new BinaryData(raw), new BlobUploadOptions { Metadata = metadata.ToDictionary(pair => pair.Key, pair => pair.Value) }, Cancellation);
        await _function.RunAsync(BlobCreatedEvent.Again(name), Cancellation);
    }

    private Task<IReadOnlyList<Report>> ReportsAsync() => _storage.Reports.ReadAsync(Domain, DateOnly.MinValue, Cancellation);
}
