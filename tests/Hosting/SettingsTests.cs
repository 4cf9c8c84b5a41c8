using CsCheck;
using StsFunctions.Domains;
using StsFunctions.Hosting;
using StsFunctions.Reports;
using Xunit;

namespace StsFunctions.Tests.Hosting;

public sealed class SettingsTests
{
    private const string Storage = "UseDevelopmentStorage=true";
    private const string Tenant = "7f076622-8584-45e9-9004-500ee89cebfa";
    private const string Application = "d2a1a980-c560-44c1-8534-4a700c2706a3";
    private const string Secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";

    [Fact]
    public void Storage_alone_is_enough()
    {
        var settings = Read(out var faults);

        Assert.Empty(faults);
        Assert.Equal(TimeSpan.FromSeconds(30), settings.Serving.CacheTime);
        Assert.Equal(25, settings.Check.SmtpPort);
        Assert.Empty(settings.Outgoing.AllowedNetworks);
        Assert.Equal(443, settings.Outgoing.HttpsPort);
        Assert.Null(settings.AppHosts.Primary);
    }

    [Fact]
    public void Without_storage_nothing_starts()
    {
        Settings.Read(new Dictionary<string, string>(), out var faults);

        Assert.StartsWith("AzureWebJobsStorage: not set;", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts__CacheTime", "soon")]
    [InlineData("Sts__CacheTime", "00:01:00")]
    [InlineData("Sts__CacheTime", "00:00:00")]
    [InlineData("Sts__MaxStale", "8.00:00:00")]
    [InlineData("Sts__MaxStale", "-00:00:01")]
    [InlineData("Sts__Lab__AllowedNetworks", "yes")]
    [InlineData("Sts__Lab__AllowedNetworks", "127.0.0.0/8,10.0.0.0/33")]
    [InlineData("Sts__Lab__HttpsPort", "0")]
    [InlineData("Sts__DnsServer", "dns.example")]
    [InlineData("Sts__Lab__SmtpPort", "0")]
    [InlineData("Sts__Lab__SmtpPort", "65536")]
    [InlineData("Sts__Lab__SmtpPort", "+25")]
    [InlineData("Sts__Lab__TrustedRoots", "/nowhere/roots.pem")]
    [InlineData("Sts__CheckSpread", "1")]
    [InlineData("Sts__SessionTimeout", "00:00:00")]
    [InlineData("Sts__RetryDelay", "00:10:00")]
    [InlineData("Sts__CheckDeadline", "00:00:01")]
    [InlineData("Sts__PolicyTimeout", "00:02:00")]
    [InlineData("Sts__DnsValidates", "yes")]
    [InlineData("Sts__ReportMaxBytes", "10")]
    [InlineData("Sts__ReportMaxExpandedBytes", "1e9")]
    [InlineData("Sts__ReportMemoryBytes", "1000000")]
    [InlineData("Sts__WarnFrom", "nobody")]
    [InlineData("Sts__WarnFrom", "a@example.com, b@example.com")]
    [InlineData("Sts__WarnTo", "a@example.com,,nobody")]
    [InlineData("Sts__AcsEndpoint", "http://acs.example/")]
    [InlineData("Sts__AcsEndpoint", "acs.example")]
    [InlineData("Sts__AcsKey", "no base64!")]
    [InlineData("Sts__SmtpPort", "587a")]
    [InlineData("Sts__SmtpPlain", "1")]
    [InlineData("Sts__AppHost", "https://app.example/")]
    [InlineData("Sts__AppHost", "app.example,b@d host")]
    [InlineData("Sts__FrontDoorIds", "all")]
    [InlineData("Sts__FrontDoorIds", "8b2bc1a4-54a1-4e0b-9d2f-3a7a7a5c1f00;0f3c5b7e-9d9b-4c61-8f0a-6c1d1c0e2b11")]
    [InlineData("Sts__EdgeHosts", "https://ep.azurefd.net/")]
    [InlineData("Sts__HeloName", "two words")]
    [InlineData("Sts__HeloName", "mail.example\r\nQUIT")]
    [InlineData("Sts__ReferenceMxHosts", "mx.example, not a host")]
    [InlineData("Sts__Auth__GroupClaim", "two words")]
    [InlineData("Sts__Lab__Authority", "https://login.microsoftonline.com/")]
    [InlineData("Sts__Lab__Authority", "http://127.0.0.1:8080/tenant")]
    [InlineData("Sts__Lab__Authority", "file:///etc/passwd")]
    [InlineData("Sts__Lab__Authority", "localhost:8080")]
    [InlineData("Sts__ReportTrust", "everybody")]
    [InlineData("Sts__ReportTrust", "2")]
    [InlineData("Sts__PostsPerMinute", "0")]
    [InlineData("Sts__PostsPerDomainAndDay", "-1")]
    [InlineData("Sts__MailSecret", "too-short-to-be-a-secret")]
    [InlineData("Sts__MailSecret", "long enough but with blanks in it")]
    [InlineData("Sts__ReportMailbox", "not an address")]
    [InlineData("Sts__ReportMailbox", "Reports <tlsrpt@example.com>")]
    [InlineData("Sts__Lab__Graph", "https://graph.microsoft.com/")]
    [InlineData("AzureWebJobsStorage", "nonsense")]
    public void A_wrong_value_gives_one_line_that_names_its_setting(string name, string value)
    {
        Read(out var faults, (name, value));

        var fault = Assert.Single(faults);
        Assert.StartsWith(name, fault, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault);
        Assert.DoesNotContain('\r', fault);
    }

    [Theory]
    [InlineData("Sts__ChacheTime", "Sts__CacheTime")]
    [InlineData("Sts__AcsEndPiont", "Sts__AcsEndpoint")]
    [InlineData("STS__MAILFOLDERS", "Sts__MailFolder")]
    [InlineData("Sts__AllowedNetworks", "Sts__Lab__AllowedNetworks")]
    public void A_misspelt_setting_is_found_and_the_right_one_named(string misspelt, string meant)
    {
        Read(out var faults, (misspelt, "x"));

        var fault = Assert.Single(faults);
        Assert.StartsWith(misspelt, fault, StringComparison.Ordinal);
        Assert.Contains($"did you mean {meant}?", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_compare_without_case_and_an_empty_value_is_none()
    {
        var settings = Read(out var faults, ("STS__CACHETIME", "00:00:05"), ("Sts__MaxStale", ""), ("Sts__Unknown", ""));

        Assert.Empty(faults);
        Assert.Equal(TimeSpan.FromSeconds(5), settings.Serving.CacheTime);
        Assert.Equal(TimeSpan.FromHours(24), settings.Serving.MaxStale);
    }

    [Fact]
    public void Two_ways_for_mail_are_one_too_many()
    {
        Read(out var faults, ("Sts__SmtpHost", "relay.example"), ("Sts__MailFolder", "/tmp/mail"), ("Sts__WarnFrom", "a@example.com"), ("Sts__WarnTo", "b@example.com"));

        Assert.Contains("keep one", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts__SmtpHost", "relay.example")]
    [InlineData("Sts__AcsEndpoint", "https://acs.example/")]
    [InlineData("Sts__MailFolder", "/tmp/mail")]
    public void A_way_for_mail_without_addresses_is_said(string name, string value)
    {
        Read(out var faults, (name, value));

        Assert.StartsWith("Sts__WarnFrom, Sts__WarnTo:", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts__WarnFrom", "nobody")]
    [InlineData("Sts__WarnTo", "nobody")]
    public void A_wrong_address_is_not_also_called_missing(string name, string value)
    {
        Read(out var faults, ("Sts__WarnFrom", "sts@example.com"), ("Sts__WarnTo", "postmaster@example.com"), ("Sts__SmtpHost", "relay.example"), (name, value));

        Assert.StartsWith($"{name}: ", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Several_recipients_may_have_names()
    {
        var settings = Read(out var faults, ("Sts__WarnFrom", "MTA-STS <sts@example.com>"), ("Sts__WarnTo", "Post Master <postmaster@example.com>, ops@example.net"), ("Sts__MailFolder", "/tmp/mail"));

        Assert.Empty(faults);
        Assert.Equal(["postmaster@example.com", "ops@example.net"], settings.Warnings.To.Select(to => to.Address));
        Assert.Equal("sts@example.com", settings.Warnings.From!.Address);
    }

    [Theory]
    [InlineData("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + Secret)]
    [InlineData("Sts__AcsKey", Secret + "!")]
    [InlineData("Sts__MailSecret", Secret + " ")]
    [InlineData("Sts__SmtpPassword", Secret)]
    [InlineData("Sts__SmtpPasword", Secret)]
    [InlineData("Sts__AcsKeys", Secret)]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=" + Secret)]
    public void A_secret_is_never_repeated(string name, string value)
    {
        Read(out var faults, (name, value), ("Sts__CacheTime", "wrong as well"));

        Assert.NotEmpty(faults);
        Assert.DoesNotContain(faults, fault => fault.Contains(Secret, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("app.example")]
    [InlineData("app.example:8443")]
    [InlineData("127.0.0.1:7071")]
    [InlineData("localhost:7071")]
    public void The_apps_host_may_have_a_port_as_a_lab_has(string host)
    {
        var settings = Read(out var faults, ("Sts__AppHost", host), ("WEBSITE_HOSTNAME", "x.azurewebsites.net"));

        Assert.Empty(faults);
        Assert.Equal(host, settings.AppHosts.Primary);
        Assert.True(settings.AppHosts.Contains(host.Split(':')[0].ToUpperInvariant()));
        Assert.True(settings.AppHosts.Contains("x.azurewebsites.net"));
    }

    [Fact]
    public void Which_reports_count_and_how_they_arrive_is_strict_and_shut_unless_it_is_set()
    {
        var settings = Read(out var faults, ("Sts__Lab__Graph", "http://127.0.0.1:8080/"));

        Assert.Empty(faults);
        Assert.Equal((ReportTrust.Default, null, null), (settings.Arrivals.Trust, settings.Arrivals.MailSecret, settings.Arrivals.Mailbox));
    }

    [Theory]
    [InlineData("tlsrpt@example.com")]
    [InlineData("7f076622-8584-45e9-9004-500ee89cebfa")]
    public void A_mailbox_is_named_by_its_address_or_its_users_id(string mailbox)
    {
        var settings = Read(out var faults, ("Sts__ReportMailbox", mailbox), ("Sts__ReportTrust", "signed"));

        Assert.Empty(faults);
        Assert.Equal(mailbox, settings.Arrivals.Mailbox!.Address);
        Assert.Equal(("https://graph.microsoft.com/", false), (settings.Arrivals.Mailbox.Graph.AbsoluteUri, settings.Arrivals.Mailbox.IsLab));
        Assert.Equal(TrustLevel.Signed, settings.Arrivals.Trust.Level);
    }

    [Fact]
    public void There_is_always_memory_for_the_largest_report_that_is_taken()
    {
        Assert.Equal(40 << 20, Read(out var faults).Reports.MemoryBytes);
        Assert.Empty(faults);
        var large = Read(out faults, ("Sts__ReportMaxBytes", "104857600")).Reports;
        Assert.Empty(faults);
        Assert.InRange(new IntakeMemory(large).ForReading(large.MaxBytes), large.MaxBytes, new IntakeMemory(large).Reading.Capacity);
        Assert.InRange(new IntakeMemory(large).Posts.Capacity, large.MaxBytes, large.MemoryBytes);
        Read(out faults, ("Sts__ReportMaxBytes", "104857600"), ("Sts__ReportMemoryBytes", "100000000"));
        Assert.StartsWith("Sts__ReportMemoryBytes: ", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_tenant_nobody_has_access_to_the_API()
    {
        var settings = Read(out var faults, ("Sts__Auth__GroupClaim", "groups"));

        Assert.Empty(faults);
        Assert.Null(settings.Auth);
    }

    [Fact]
    public void An_applications_id_stands_for_its_URI_too_and_both_issuers_of_the_tenant_are_known()
    {
        var settings = Read(out var faults, ("Sts__Auth__Tenant", Tenant.ToUpperInvariant()), ("Sts__Auth__Audience", $"{Application}, https://sts.example.com"));

        Assert.Empty(faults);
        Assert.Equal([Application, $"api://{Application}", "https://sts.example.com"], settings.Auth!.Audiences);
        Assert.Equal([$"https://login.microsoftonline.com/{Tenant}/v2.0", $"https://sts.windows.net/{Tenant}/"], settings.Auth.Issuers);
        Assert.Equal($"https://login.microsoftonline.com/{Tenant}/v2.0/.well-known/openid-configuration", settings.Auth.Discovery);
        Assert.Null(settings.Auth.GroupClaim);
    }

    [Theory]
    [InlineData("Sts__Auth__Tenant", "contoso.onmicrosoft.com")]
    [InlineData("Sts__Auth__Tenant", "common")]
    [InlineData("Sts__Auth__Tenant", "{7f076622-8584-45e9-9004-500ee89cebfa}")]
    [InlineData("Sts__Auth__Audience", "my-api")]
    [InlineData("Sts__Auth__Audience", "api://my api")]
    public void A_wrong_tenant_or_audience_gives_one_line_that_names_it(string name, string value)
    {
        var settings = Read(out var faults, [.. new[] { ("Sts__Auth__Tenant", Tenant), ("Sts__Auth__Audience", Application) }.Where(setting => setting.Item1 != name), (name, value)]);

        Assert.StartsWith($"{name}: ", Assert.Single(faults), StringComparison.Ordinal);
        Assert.Null(settings.Auth);
    }

    [Theory]
    [InlineData("Sts__Auth__Tenant")]
    [InlineData("Sts__Auth__Audience")]
    public void A_tenant_without_an_audience_is_said_and_the_other_way_round(string name)
    {
        var settings = Read(out var faults, (name, Tenant));

        Assert.StartsWith("Sts__Auth__Tenant, Sts__Auth__Audience: only one is set", Assert.Single(faults), StringComparison.Ordinal);
        Assert.Null(settings.Auth);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080/")]
    [InlineData("http://localhost:8080")]
    [InlineData("https://[::1]:8443/")]
    public void A_lab_may_have_its_own_issuer_on_the_same_machine(string authority)
    {
        var settings = Read(out var faults, ("Sts__Auth__Tenant", Tenant), ("Sts__Auth__Audience", Application), ("Sts__Lab__Authority", authority));

        Assert.Empty(faults);
        Assert.Equal($"{authority.TrimEnd('/')}/{Tenant}/v2.0", settings.Auth!.Issuer);
    }

    [Fact]
    public void No_environment_whatever_makes_the_reading_throw()
    {
        string[] names = ["Sts__CacheTime", "Sts__AppHost", "Sts__HeloName", "Sts__DnsServer", "Sts__ReferenceMxHosts", "Sts__WarnFrom", "Sts__WarnTo", "Sts__AcsEndpoint", "Sts__AcsKey", "AzureWebJobsStorage", "Sts__Lab__TrustedRoots", "Sts__Auth__Tenant", "Sts__Auth__Audience", "Sts__Auth__GroupClaim", "Sts__Lab__Authority", "Sts__x"];
        Gen.Dictionary(Gen.Int[0, names.Length - 1].Select(n => names[n]), Gen.String)[0, 8].Sample(environment =>
        {
            Settings.Read(environment, out var faults);
            Assert.All(faults, fault => Assert.False(string.IsNullOrWhiteSpace(fault)));
        }, iter: 2_000);
    }

    private static Settings Read(out IReadOnlyList<string> faults, params (string Name, string Value)[] variables)
    {
        var environment = new Dictionary<string, string> { ["AzureWebJobsStorage"] = Storage };
        foreach (var (name, value) in variables)
        {
            environment[name] = value;
        }

        return Settings.Read(environment, out faults);
    }
}
