using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.SendWarning;
using Xunit;

namespace StsFunctions.Tests.SendWarning;

/// <summary>Which mails go first, and what stands in their subjects.</summary>
public sealed class MailOrderTests(AzuriteFixture azurite)
{
    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("report.failures", "CALL 0900 NOW")]
    [InlineData("report.failures", "your-account-is-locked.attacker.example")]
    [InlineData("report.sender-silent", "your-account-is-locked.attacker.example")]
    [InlineData("report.new-sender-failing", "Google Inc.")]
    [InlineData("mx.address-literal", "click here")]
    public void A_text_of_strangers_never_stands_in_a_subject(string code, string subject)
    {
        var mail = WarningMail.Of(Guid.NewGuid(), "example.com", [PendingOf(new Finding(code, Severity.Critical, subject, "seen", "meaning", "remedy", "RFC 8460 §4"))]);

        Assert.DoesNotContain(subject, mail.Subject, StringComparison.Ordinal);
        Assert.StartsWith($"[critical] example.com: {code}", mail.Subject, StringComparison.Ordinal);
        Assert.Contains(subject, mail.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mx.starttls.missing", "mx.example.com")]
    [InlineData("report.failures", "certificate-expired")]
    [InlineData("mx.certificate.name", "192.0.2.1")]
    public void A_host_of_the_domain_and_a_type_of_the_registry_do(string code, string subject) =>
        Assert.Equal(
            $"[critical] example.com: {code} {subject}",
            WarningMail.Of(Guid.NewGuid(), "example.com", [PendingOf(new Finding(code, Severity.Critical, subject, "seen", "meaning", "remedy", "RFC 8460 §4"))]).Subject);

    [Fact]
    public async Task Critical_mails_go_first_whatever_the_order_of_the_domains()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        for (var n = 0; n < 6; n++)
        {
            await OpenAsync(storage, $"d{n}.example", n == 4 ? Severity.Critical : n == 5 ? Severity.Warning : Severity.Info);
        }

        var road = new RecordedRoad();
        await storage.Sender(road).RunAsync(Now);

        Assert.Equal(["[critical] d4.example", "[warning] d5.example"], road.Subjects.Take(2).Select(subject => subject.Split(':')[0]));
        Assert.Equal(6, road.Subjects.Count);
    }

    internal static async Task OpenAsync(TestStorage storage, string name, Severity severity, string code = "mx.starttls.missing")
    {
        var domain = DomainName.Parse(name);
        await storage.Publisher.PublishAsync(domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Now);
        var partition = await storage.Domains.ReadAsync(name, Now);
        var finding = new Finding(code, severity, $"mx.{name}", "seen", "meaning", "remedy", "RFC 8461 §4");
        await storage.Ledger.RecordAsync(
            partition, code.StartsWith("report.", StringComparison.Ordinal) ? FindingScope.Reports : FindingScope.Checks, Keys.Round(storage.Time.GetUtcNow()), storage.Time.GetUtcNow(), [finding],
            new HashSet<string>(), partition.Record, Now);
        await storage.Fleet.ProjectAsync(domain, Now);
    }

    private static PendingWarning PendingOf(Finding finding) => new($"o:20260314120000000:{finding.Code}:x:opened", Change.Opened, finding, TestStorage.Noon, null);

    internal sealed class RecordedRoad : IMailRoad
    {
        public List<string> Subjects { get; } = [];

        public Task<MailState> AskAsync(Guid mailId, CancellationToken cancellation) => Task.FromResult(MailState.NotSent);

        public Task<MailState> SendAsync(WarningMail mail, CancellationToken cancellation)
        {
            Subjects.Add(mail.Subject);
            return Task.FromResult(MailState.Sent);
        }
    }
}
