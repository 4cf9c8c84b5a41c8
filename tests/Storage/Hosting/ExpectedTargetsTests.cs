using StsFunctions.Core.Rules;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>Which records count as leading to this app, by the settings.</summary>
public sealed class ExpectedTargetsTests(AzuriteFixture azurite)
{
    private const string Https = $"https://{RunningApp.AppHost}/v1/tlsrpt";
    private const string UserId = "8b2bc1a4-54a1-4e0b-9d2f-3a7a7a5c1f00";

    [Theory]
    [InlineData("", "", Https)]
    [InlineData("Sts__ReportMailbox", "tlsrpt@example.com", $"{Https} mailto:tlsrpt@example.com")]
    [InlineData("Sts__ReportMailbox", UserId, "")]
    [InlineData("Sts__MailSecret", "0123456789abcdef0123456789abcdef", "")]
    public async Task Reports_go_to_the_app_to_its_mailbox_or_to_an_unknown_address(string setting, string value, string targets)
    {
        await using var app = await RunningApp.StartAsync(await azurite.OwnAccountAsync(), more: setting.Length == 0 ? [] : [(setting, value)]);

        Assert.Equal(targets, string.Join(' ', app.Service<ExpectedTargets>().ReportUris));
    }

    [Theory]
    [InlineData("", "", RunningApp.AppHost, "digicert.com")]
    [InlineData("Sts__EdgeHosts", "one.azurefd.net,two.azurefd.net", "one.azurefd.net two.azurefd.net", "digicert.com")]
    [InlineData("Sts__CertificateAuthority", "none", RunningApp.AppHost, null)]
    [InlineData("Sts__CertificateAuthority", "LetsEncrypt.org", RunningApp.AppHost, "letsencrypt.org")]
    public async Task Policy_hosts_lead_to_the_edge_and_their_certificates_come_from_the_configured_CA(string setting, string value, string targets, string? authority)
    {
        await using var app = await RunningApp.StartAsync(await azurite.OwnAccountAsync(), more: setting.Length == 0 ? [] : [(setting, value)]);

        var expected = app.Service<ExpectedTargets>();
        Assert.Equal((targets, authority), (string.Join(' ', expected.PolicyTargets), expected.CertificateAuthority));
    }
}
