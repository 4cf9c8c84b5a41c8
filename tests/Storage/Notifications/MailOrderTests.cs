using StsFunctions.Core.Findings;
using StsFunctions.Core.Time;
using StsFunctions.Notifications;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Storage;
using Xunit;

namespace StsFunctions.Tests.Notifications;

/// <summary>Which mails are sent first, and what is in their subjects.</summary>
public sealed class MailOrderTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("report.session.failed", "CALL 0900 NOW")]
    [InlineData("report.session.failed", "your-account-is-locked.attacker.example")]
    [InlineData("report.sender.silent", "your-account-is-locked.attacker.example")]
    [InlineData("report.sender.new-failing", "Google Inc.")]
    [InlineData("mx.address.literal", "click here")]
    public void Text_from_outside_is_never_in_a_subject(string code, string subject)
    {
        var mail = NotificationEmail.Of(Guid.NewGuid(), "example.com", [PendingOf(new Finding(code, Severity.Critical, subject, "observed", "meaning", "remedy", "RFC 8460 §4"))]);

        Assert.DoesNotContain(subject, mail.Subject, StringComparison.Ordinal);
        Assert.StartsWith($"[critical] example.com: {code}", mail.Subject, StringComparison.Ordinal);
        Assert.Contains(subject, mail.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mx.starttls.missing", "mx.example.com")]
    [InlineData("report.session.failed", "certificate-expired")]
    [InlineData("mx.certificate.name-mismatch", "192.0.2.1")]
    public void A_host_of_the_domain_and_a_registered_type_are_in_the_subject(string code, string subject) =>
        Assert.Equal(
            $"[critical] example.com: {code} {subject}",
            NotificationEmail.Of(Guid.NewGuid(), "example.com", [PendingOf(new Finding(code, Severity.Critical, subject, "observed", "meaning", "remedy", "RFC 8460 §4"))]).Subject);

    [Fact]
    public async Task Critical_mails_are_sent_first_whatever_the_order_of_the_domains()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        for (var n = 0; n < 6; n++)
        {
            await OpenAsync(storage, $"d{n}.example", n == 4 ? Severity.Critical : n == 5 ? Severity.Warning : Severity.Info);
        }

        var sender = new RecordingEmailSender();
        await storage.Dispatcher(sender).RunAsync(Cancellation);

        Assert.Equal(["[critical] d4.example", "[warning] d5.example"], sender.Subjects.Take(2).Select(subject => subject.Split(':')[0]));
        Assert.Equal(6, sender.Subjects.Count);
    }

    [Theory]
    // Mails that outsiders can cause leave half of the hourly limit to critical ones, and of that a part to findings of the app's own checks.
    [InlineData("Other Other Other Other Other Other", 0, 5)]
    [InlineData("Other", 4, 1)]
    [InlineData("Other", 5, 0)]
    [InlineData("ReportedCritical", 5, 1)]
    [InlineData("ReportedCritical", 7, 0)]
    [InlineData("Critical", 7, 1)]
    [InlineData("Critical", 9, 1)]
    [InlineData("Critical", 10, 0)]
    [InlineData("Critical Critical Critical Critical Critical Critical", 0, 5)]
    [InlineData("Critical ReportedCritical Other", 4, 2)]
    [InlineData("", 0, 0)]
    public void The_share_of_the_hourly_limit_grows_with_the_severity(string mails, int sent, int count) => Assert.Equal(
        count, new MailQuota(10).CountOf([.. mails.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<MailPriority>)], sent));

    [Fact]
    public void All_mails_are_sent_without_a_limit() => Assert.Equal(3, new MailQuota(null).CountOf([MailPriority.Critical, MailPriority.Other, MailPriority.Other], 10_000));

    [Fact]
    public async Task Many_warnings_under_a_small_limit_delay_no_critical_mail_and_are_sent_later()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        for (var n = 0; n < 12; n++)
        {
            await OpenAsync(storage, $"d{n}.example", Severity.Warning);
        }

        var sender = new RecordingEmailSender();
        var dispatcher = storage.Dispatcher(sender, mailsPerHour: 8);
        await dispatcher.RunAsync(Cancellation);
        await dispatcher.RunAsync(Cancellation);
        Assert.Equal(4, sender.Subjects.Count);

        await OpenAsync(storage, "e.example", Severity.Critical);
        await OpenAsync(storage, "f.example", Severity.Critical, "report.session.failed");
        storage.Time.Advance(TimeSpan.FromMinutes(5));
        await dispatcher.RunAsync(Cancellation);
        Assert.Equal(["[critical] e.example", "[critical] f.example"], sender.Subjects.Skip(4).Select(subject => subject.Split(':')[0]));

        storage.Time.Advance(TimeSpan.FromMinutes(56));
        await storage.Dispatcher(sender, mailsPerHour: 8).RunAsync(Cancellation);
        Assert.Equal(8, sender.Subjects.Count);
        storage.Time.Advance(TimeSpan.FromMinutes(5));
        await storage.Dispatcher(sender, mailsPerHour: 8).RunAsync(Cancellation);
        Assert.Equal(10, sender.Subjects.Count);
        await StoreInvariants.AssertAsync(storage);
    }

    [Fact]
    public async Task A_mail_service_that_sends_Retry_After_ends_the_run_and_the_next_one_sends_each_mail_once()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await OpenAsync(storage, "a.example", Severity.Warning);
        await OpenAsync(storage, "b.example", Severity.Warning);
        var sender = new RecordingEmailSender { IsBusy = true };

        await Assert.ThrowsAsync<AggregateException>(() => storage.Dispatcher(sender, mailsPerHour: 100).RunAsync(Cancellation));
        Assert.Equal(1, sender.Tries);

        sender.IsBusy = false;
        await storage.Dispatcher(sender, mailsPerHour: 100).RunAsync(Cancellation);
        await storage.Dispatcher(sender, mailsPerHour: 100).RunAsync(Cancellation);
        Assert.Equal(2, sender.Subjects.Distinct().Count());
        Assert.Equal(2, sender.Subjects.Count);
    }

    internal static async Task OpenAsync(TestStorage storage, string name, Severity severity, string code = "mx.starttls.missing")
    {
        var domain = DomainName.Parse(name);
        await storage.Publisher.PublishAsync(domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        var partition = await storage.Domains.ReadAsync(name, Cancellation);
        var finding = new Finding(code, severity, $"mx.{name}", "observed", "meaning", "remedy", "RFC 8461 §4");
        await storage.Recorder.RecordAsync(
            partition, code.StartsWith("report.", StringComparison.Ordinal) ? FindingSource.Reports : FindingSource.Checks, CheckRunId.Of(storage.Time.GetUtcNow()), storage.Time.GetUtcNow(), [finding],
            new HashSet<string>(), partition.Record, Cancellation);
        await storage.Summaries.ProjectAsync(domain, Cancellation);
    }

    private static OutboxNotification PendingOf(Finding finding) => new($"o:20260314120000000:{finding.Code}:x:opened", Change.Opened, finding, TestStorage.Noon, null);

    internal sealed class RecordingEmailSender : IEmailSender
    {
        public List<string> Subjects { get; } = [];

        public Task<DeliveryState> GetStatusAsync(Guid mailId, CancellationToken cancellationToken) => Task.FromResult(DeliveryState.NotSent);

        public bool IsBusy { get; set; }

        public int Tries { get; private set; }

        public Task<DeliveryState> SendAsync(NotificationEmail mail, CancellationToken cancellationToken)
        {
            Tries++;
            if (IsBusy)
            {
                throw new Azure.RequestFailedException(429, "too many");
            }

            Subjects.Add(mail.Subject);
            return Task.FromResult(DeliveryState.Sent);
        }
    }
}
