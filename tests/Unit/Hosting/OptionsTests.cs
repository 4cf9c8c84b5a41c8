using CsCheck;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using StsFunctions.App.Options;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Hosts;
using StsFunctions.Core.Options;
using StsFunctions.Core.Reports;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Notifications;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage.Retention;
using StsFunctions.UseCases.Checks;
using StsFunctions.UseCases.Hosting;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>Settings as an operator writes them become options, or lines that say what is wrong with them.</summary>
public sealed class OptionsTests
{
    private const string Storage = "UseDevelopmentStorage=true";
    private const string Tenant = "7f076622-8584-45e9-9004-500ee89cebfa";
    private const string Application = "d2a1a980-c560-44c1-8534-4a700c2706a3";
    private const string Secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";

    [Fact]
    public void Storage_is_the_only_required_setting()
    {
        using var services = Right();

        Assert.Equal(TimeSpan.FromSeconds(30), services.GetRequiredService<ServingOptions>().CacheTime);
        Assert.Equal(25, services.GetRequiredService<CheckOptions>().SmtpPort);
        Assert.Empty(services.GetRequiredService<EgressOptions>().AllowedNetworks);
        Assert.Equal(443, services.GetRequiredService<EgressOptions>().HttpsPort);
        Assert.Null(services.GetRequiredService<AppHostOptions>().Primary);
        Assert.Equal(FunctionSet.All, services.GetRequiredService<FunctionSetOptions>().Functions);
    }

    [Fact]
    public void Unset_settings_have_the_defaults_of_the_options()
    {
        using var services = Right();

        Assert.Equal(new ServingOptions(), services.GetRequiredService<ServingOptions>());
        Assert.Equal(new ScheduleOptions(), services.GetRequiredService<ScheduleOptions>());
        Assert.Equal(new CheckOptions() with { ReferenceMxHosts = [] }, services.GetRequiredService<CheckOptions>() with { ReferenceMxHosts = [] });
        Assert.Equal(new CheckOptions().ReferenceMxHosts, services.GetRequiredService<CheckOptions>().ReferenceMxHosts);
        Assert.Equal(new ConfirmationOptions(), services.GetRequiredService<ConfirmationOptions>());
        Assert.Equal(new ReportLimitsOptions(), services.GetRequiredService<ReportLimitsOptions>());
        Assert.Equal(new RetentionOptions(), services.GetRequiredService<RetentionOptions>());
        Assert.Equal(new ReportIntakeOptions(), services.GetRequiredService<ReportIntakeOptions>());
        Assert.Equal(new PolicyHostOptions().CertificateAuthority, services.GetRequiredService<PolicyHostOptions>().CertificateAuthority);
        Assert.Equal(new FunctionSetOptions(), services.GetRequiredService<FunctionSetOptions>());
        Assert.Equal(new TelemetryOptions(), services.GetRequiredService<TelemetryOptions>());
    }

    [Fact]
    public void The_validated_options_are_the_ones_in_use()
    {
        using var services = Right();

        Assert.Same(services.GetRequiredService<IOptionsMonitor<ServingOptions>>().CurrentValue, services.GetRequiredService<ServingOptions>());
    }

    [Fact]
    public void Nothing_starts_without_storage()
    {
        using var services = TestSettings.Services([]);

        Assert.StartsWith("AzureWebJobsStorage: not set;", Assert.Single(services.FindWrongSettings()), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_wrong_setting_is_reported_at_once()
    {
        var faults = Wrong(
            ("AzureWebJobsStorage", "nonsense"), ("Sts__CacheTime", "abc"), ("Sts__MaxStale", "abc"), ("Sts__SmtpPort", "abc"), ("Sts__SmtpHost", "relay.example"),
            ("Sts__Auth__GroupClaim", "two words"), ("Sts__Auth__Tenant", Tenant), ("Sts__CachTime", "00:00:05"));

        Assert.Equal(
            ["AzureWebJobsStorage", "Sts__Auth__GroupClaim", "Sts__Auth__Tenant, Sts__Auth__Audience", "Sts__CachTime", "Sts__CacheTime", "Sts__EmailFrom, Sts__EmailTo", "Sts__MaxStale", "Sts__SmtpPort"],
            faults.Select(fault => fault.Split(':')[0]).Order(StringComparer.Ordinal));
        Assert.Contains("Sts__CacheTime: \"abc\" is not valid; write a time between 00:00:01 and 00:00:45 as [days.]hours:minutes:seconds, for example 00:00:30.", faults);
        Assert.Contains("Sts__CachTime: there is no setting of this name; did you mean Sts__CacheTime?", faults);
    }

    [Fact]
    public void Options_with_a_wrong_setting_cannot_be_used()
    {
        using var services = TestSettings.Services(new Dictionary<string, string> { ["AzureWebJobsStorage"] = Storage, ["Sts__CacheTime"] = "abc" });

        Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<ServingOptions>());
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
    [InlineData("Sts__EmailFrom", "nobody")]
    [InlineData("Sts__EmailFrom", "a@example.com, b@example.com")]
    [InlineData("Sts__EmailTo", "a@example.com,,nobody")]
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
    [InlineData("Sts__EhloName", "two words")]
    [InlineData("Sts__EhloName", "mail.example\r\nQUIT")]
    [InlineData("Sts__ReferenceMxHosts", "mx.example, not a host")]
    [InlineData("Sts__Auth__GroupClaim", "two words")]
    [InlineData("Sts__Lab__Authority", "https://login.microsoftonline.com/")]
    [InlineData("Sts__Lab__Authority", "http://127.0.0.1:8080/tenant")]
    [InlineData("Sts__Lab__Authority", "file:///etc/passwd")]
    [InlineData("Sts__Lab__Authority", "localhost:8080")]
    [InlineData("Sts__ReportAuthentication", "everybody")]
    [InlineData("Sts__ReportAuthentication", "2")]
    [InlineData("Sts__TrustedReportSigners", "google")]
    [InlineData("Sts__TrustedReportSigners", "google.com;microsoft.com")]
    [InlineData("Sts__TrustedReportSigners", "google.com,none")]
    [InlineData("Sts__TrustedReportSigners", ",")]
    [InlineData("Sts__EmailsPerHour", "1")]
    [InlineData("Sts__MailSecret", "too-short-to-be-a-secret")]
    [InlineData("Sts__MailSecret", "long enough but with blanks in it")]
    [InlineData("Sts__ReportMailbox", "not an address")]
    [InlineData("Sts__ReportMailbox", "Reports <tlsrpt@example.com>")]
    [InlineData("Sts__Lab__Graph", "https://graph.microsoft.com/")]
    [InlineData("Sts__Functions", "timers")]
    [InlineData("Sts__Functions", "1")]
    [InlineData("Sts__Functions", "http,background")]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "nonsense")]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/")]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=44444444-4444-4444-4444-444444444444;IngestionEndpoint=nowhere")]
    [InlineData("AzureWebJobsStorage", "nonsense")]
    public void A_wrong_value_gives_one_line_that_names_its_setting(string name, string value)
    {
        var fault = Assert.Single(Wrong((name, value)));
        Assert.StartsWith(name, fault, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault);
        Assert.DoesNotContain('\r', fault);
    }

    // A setting, its default, and the lowest and the highest number that it takes.
    public static TheoryData<string, int, int, int> Numbers => new()
    {
        { "Sts__RawReportDays", 90, 7, 3_650 },
        { "Sts__QuarantineDays", 30, 7, 3_650 },
        { "Sts__ReportDays", 400, 35, 3_650 },
        { "Sts__ObservationDays", 90, 7, 3_650 },
        { "Sts__AuditDays", 730, 30, 3_650 },
        { "Sts__PostCountDays", 2, 2, 3_650 },
        { "Sts__ReportMaxBytes", 10 << 20, 1 << 10, 100 << 20 },
        { "Sts__ReportMaxExpandedBytes", 100 << 20, 1 << 10, 1 << 30 },
        { "Sts__ReportMaxRatio", 250, 10, 1_100 },
        { "Sts__ReportMaxParts", 50, 1, 1_000 },
        { "Sts__ReportMaxDepth", 5, 1, 10 },
        { "Sts__ReportMemoryBytes", 40 << 20, (int)IntakeMemory.LeastFor(10 << 20, 250), int.MaxValue },
        { "Sts__PostsPerMinute", 300, 1, 100_000 },
        { "Sts__PostsPerDomainAndDay", 500, 1, 1_000_000 },
        { "Sts__ReportsPerSignerAndDay", 1_000, 1, 1_000_000 },
    };

    [Theory]
    [MemberData(nameof(Numbers))]
    public void A_number_has_a_default_a_minimum_and_a_maximum(string name, int byDefault, int lowest, int highest)
    {
        Assert.Equal(byDefault, ReadFrom());
        Assert.Equal(byDefault, ReadFrom((name, "")));
        Assert.Equal(lowest, ReadFrom((name, $"{lowest}")));
        Assert.Equal(highest, ReadFrom((name, $"{highest}")));
        foreach (var wrong in (string[])[$"{lowest - 1}", $"{highest + 1L}", "many", "1.5", $"+{lowest}", $"0x{lowest:x}"])
        {
            Assert.StartsWith($"{name}: \"{wrong}\" is not valid; write a whole number from {lowest} to {highest}", Assert.Single(Wrong((name, wrong))), StringComparison.Ordinal);
        }

        long ReadFrom(params (string Name, string Value)[] settings)
        {
            using var services = Right(settings);
            return NumberOf(services, name);
        }
    }

    private static long NumberOf(IServiceProvider services, string name)
    {
        var retention = services.GetRequiredService<RetentionOptions>();
        var limits = services.GetRequiredService<ReportLimitsOptions>();
        var intake = services.GetRequiredService<ReportIntakeOptions>();
        return name switch
        {
            "Sts__RawReportDays" => retention.RawReportDays,
            "Sts__QuarantineDays" => retention.QuarantineDays,
            "Sts__ReportDays" => retention.ReportDays,
            "Sts__ObservationDays" => retention.ObservationDays,
            "Sts__AuditDays" => retention.AuditDays,
            "Sts__PostCountDays" => retention.PostCountDays,
            "Sts__ReportMaxBytes" => limits.MaxBytes,
            "Sts__ReportMaxExpandedBytes" => limits.MaxExpandedBytes,
            "Sts__ReportMaxRatio" => limits.MaxRatio,
            "Sts__ReportMaxParts" => limits.MaxParts,
            "Sts__ReportMaxDepth" => limits.MaxDepth,
            "Sts__ReportMemoryBytes" => limits.MemoryBytes,
            "Sts__PostsPerMinute" => intake.PostsPerMinute,
            "Sts__PostsPerDomainAndDay" => intake.PostsPerDomainAndDay,
            "Sts__ReportsPerSignerAndDay" => intake.ReportsPerSignerAndDay,
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such number."),
        };
    }

    [Fact]
    public void The_memory_for_reports_grows_with_the_largest_report_and_has_a_minimum_by_it()
    {
        var least = IntakeMemory.LeastFor(100 << 20, 250);
        using var services = Right(("Sts__ReportMaxBytes", $"{100 << 20}"));

        Assert.Equal(least, services.GetRequiredService<ReportLimitsOptions>().MemoryBytes);
        Assert.StartsWith("Sts__ReportMemoryBytes: ", Assert.Single(Wrong(("Sts__ReportMaxBytes", $"{100 << 20}"), ("Sts__ReportMemoryBytes", $"{least - 1}"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts__ChacheTime", "Sts__CacheTime")]
    [InlineData("Sts__AcsEndPiont", "Sts__AcsEndpoint")]
    [InlineData("STS__EMAILPICKUPFOLDERS", "Sts__EmailPickupFolder")]
    [InlineData("Sts__AllowedNetworks", "Sts__Lab__AllowedNetworks")]
    public void A_misspelt_setting_is_found_and_the_right_one_is_suggested(string misspelt, string meant)
    {
        var fault = Assert.Single(Wrong((misspelt, "x")));
        Assert.StartsWith(misspelt, fault, StringComparison.Ordinal);
        Assert.Contains($"did you mean {meant}?", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_compare_without_case_and_an_empty_value_is_unset()
    {
        using var services = Right(("STS__CACHETIME", "00:00:05"), ("Sts__MaxStale", ""), ("Sts__Unknown", ""));

        Assert.Equal(TimeSpan.FromSeconds(5), services.GetRequiredService<ServingOptions>().CacheTime);
        Assert.Equal(TimeSpan.FromHours(24), services.GetRequiredService<ServingOptions>().MaxStale);
    }

    [Fact]
    public void Two_email_channels_are_an_error()
    {
        var faults = Wrong(("Sts__SmtpHost", "relay.example"), ("Sts__EmailPickupFolder", "/tmp/mail"), ("Sts__EmailFrom", "a@example.com"), ("Sts__EmailTo", "b@example.com"));

        Assert.Contains("set only one", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts__SmtpHost", "relay.example")]
    [InlineData("Sts__AcsEndpoint", "https://acs.example/")]
    [InlineData("Sts__EmailPickupFolder", "/tmp/mail")]
    public void An_email_channel_without_addresses_is_an_error(string name, string value)
    {
        Assert.StartsWith("Sts__EmailFrom, Sts__EmailTo:", Assert.Single(Wrong((name, value))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts__EmailFrom", "nobody")]
    [InlineData("Sts__EmailTo", "nobody")]
    public void A_wrong_address_is_not_also_reported_as_missing(string name, string value)
    {
        var faults = Wrong(("Sts__EmailFrom", "sts@example.com"), ("Sts__EmailTo", "postmaster@example.com"), ("Sts__SmtpHost", "relay.example"), (name, value));

        Assert.StartsWith($"{name}: ", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Several_recipients_may_have_display_names()
    {
        using var services = Right(("Sts__EmailFrom", "MTA-STS <sts@example.com>"), ("Sts__EmailTo", "Post Master <postmaster@example.com>, ops@example.net"), ("Sts__EmailPickupFolder", "/tmp/mail"));

        var email = services.GetRequiredService<EmailOptions>();
        Assert.Equal(["postmaster@example.com", "ops@example.net"], email.To.Select(to => to.Address));
        Assert.Equal("sts@example.com", email.From!.Address);
    }

    [Theory]
    [InlineData("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + Secret)]
    [InlineData("Sts__AcsKey", Secret + "!")]
    [InlineData("Sts__MailSecret", Secret + " ")]
    [InlineData("Sts__SmtpPassword", Secret)]
    [InlineData("Sts__SmtpPasword", Secret)]
    [InlineData("Sts__AcsKeys", Secret)]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=" + Secret)]
    public void A_secret_is_never_printed(string name, string value)
    {
        var faults = Wrong((name, value), ("Sts__CacheTime", "wrong as well"));

        Assert.NotEmpty(faults);
        Assert.DoesNotContain(faults, fault => fault.Contains(Secret, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("app.example")]
    [InlineData("app.example:8443")]
    [InlineData("127.0.0.1:7071")]
    [InlineData("localhost:7071")]
    public void The_apps_host_may_have_a_port_in_a_lab(string host)
    {
        using var services = Right(("Sts__AppHost", host), ("WEBSITE_HOSTNAME", "x.azurewebsites.net"));

        var app = services.GetRequiredService<AppHostOptions>();
        Assert.Equal(host, app.Primary);
        Assert.True(app.Contains(host.Split(':')[0].ToUpperInvariant()));
        Assert.True(app.Contains("x.azurewebsites.net"));
    }

    [Fact]
    public void Report_authentication_is_strict_and_report_channels_are_closed_by_default()
    {
        using var services = Right(("Sts__Lab__Graph", "http://127.0.0.1:8080/"));

        var intake = services.GetRequiredService<ReportIntakeOptions>();
        Assert.Equal((ReportAuthenticationPolicy.Default, null, null), (intake.AuthenticationPolicy, intake.MailSecret, intake.Mailbox));
    }

    [Fact]
    public void Retention_and_trust_have_a_default_for_each_setting()
    {
        using var services = Right();

        var retention = services.GetRequiredService<RetentionOptions>();
        Assert.Equal((90, 30, 400, 90, 730, 2), (retention.RawReportDays, retention.QuarantineDays, retention.ReportDays, retention.ObservationDays, retention.AuditDays, retention.PostCountDays));
        Assert.Equal(["google.com", "microsoft.com"], services.GetRequiredService<TrustedReportSigners>().Domains.Select(domain => domain.Value));
        Assert.Null(services.GetRequiredService<EmailOptions>().MailsPerHour);
    }

    [Theory]
    [InlineData("none", "")]
    [InlineData("google.com, Mail.RU", "google.com mail.ru")]
    public void Only_listed_signers_are_trusted(string value, string signers)
    {
        using var services = Right(("Sts__TrustedReportSigners", value));

        Assert.Equal(signers, string.Join(' ', services.GetRequiredService<TrustedReportSigners>().Domains));
    }

    [Theory]
    [InlineData("Sts__AcsEndpoint", "https://acs.example/", null, 10)]
    [InlineData("Sts__AcsEndpoint", "https://acs.example/", "100", 100)]
    [InlineData("Sts__SmtpHost", "relay.example", null, null)]
    [InlineData("Sts__SmtpHost", "relay.example", "20", 20)]
    public void Mails_are_limited_by_the_channel_or_by_the_setting(string way, string value, string? number, int? most)
    {
        using var services = Right((way, value), ("Sts__EmailFrom", "a@example.com"), ("Sts__EmailTo", "b@example.com"), ("Sts__EmailsPerHour", number ?? ""));

        Assert.Equal(most, services.GetRequiredService<EmailOptions>().MailsPerHour);
    }

    [Theory]
    [InlineData("tlsrpt@example.com")]
    [InlineData("7f076622-8584-45e9-9004-500ee89cebfa")]
    public void A_mailbox_is_named_by_its_address_or_its_user_id(string mailbox)
    {
        using var services = Right(("Sts__ReportMailbox", mailbox), ("Sts__ReportAuthentication", "signed"));

        var intake = services.GetRequiredService<ReportIntakeOptions>();
        Assert.Equal(mailbox, intake.Mailbox!.Address);
        Assert.Equal(("https://graph.microsoft.com/", false), (intake.Mailbox.Graph.AbsoluteUri, intake.Mailbox.IsLab));
        Assert.Equal(RequiredAuthentication.Signed, intake.AuthenticationPolicy.Level);
    }

    [Fact]
    public void Nobody_has_access_to_the_API_without_a_tenant()
    {
        using var services = Right(("Sts__Auth__GroupClaim", "groups"));

        Assert.False(services.GetRequiredService<AuthOptions>().IsConfigured);
    }

    [Fact]
    public void An_application_id_also_stands_for_its_URI_and_both_issuers_of_the_tenant_are_known()
    {
        using var services = Right(("Sts__Auth__Tenant", Tenant.ToUpperInvariant()), ("Sts__Auth__Audience", $"{Application}, https://sts.example.com"));

        var auth = services.GetRequiredService<AuthOptions>();
        Assert.True(auth.IsConfigured);
        Assert.Equal([Application, $"api://{Application}", "https://sts.example.com"], auth.Audiences);
        Assert.Equal([$"https://login.microsoftonline.com/{Tenant}/v2.0", $"https://sts.windows.net/{Tenant}/"], auth.Issuers);
        Assert.Equal($"https://login.microsoftonline.com/{Tenant}/v2.0/.well-known/openid-configuration", auth.Discovery);
        Assert.Null(auth.GroupClaim);
    }

    [Theory]
    [InlineData("Sts__Auth__Tenant", "contoso.onmicrosoft.com")]
    [InlineData("Sts__Auth__Tenant", "common")]
    [InlineData("Sts__Auth__Tenant", "{7f076622-8584-45e9-9004-500ee89cebfa}")]
    [InlineData("Sts__Auth__Audience", "my-api")]
    [InlineData("Sts__Auth__Audience", "api://my api")]
    public void A_wrong_tenant_or_audience_gives_one_line_that_names_it(string name, string value)
    {
        var faults = Wrong([.. new[] { ("Sts__Auth__Tenant", Tenant), ("Sts__Auth__Audience", Application) }.Where(setting => setting.Item1 != name), (name, value)]);

        Assert.StartsWith($"{name}: ", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts__Auth__Tenant")]
    [InlineData("Sts__Auth__Audience")]
    public void A_tenant_without_an_audience_is_an_error_and_vice_versa(string name)
    {
        Assert.StartsWith("Sts__Auth__Tenant, Sts__Auth__Audience: only one is set", Assert.Single(Wrong((name, Tenant))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080/")]
    [InlineData("http://localhost:8080")]
    [InlineData("https://[::1]:8443/")]
    public void A_lab_may_have_its_own_issuer_on_the_same_machine(string authority)
    {
        using var services = Right(("Sts__Auth__Tenant", Tenant), ("Sts__Auth__Audience", Application), ("Sts__Lab__Authority", authority));

        Assert.Equal($"{authority.TrimEnd('/')}/{Tenant}/v2.0", services.GetRequiredService<AuthOptions>().Issuer);
    }

    [Fact]
    public void No_environment_throws()
    {
        string[] names = ["Sts__CacheTime", "Sts__AppHost", "Sts__EhloName", "Sts__DnsServer", "Sts__ReferenceMxHosts", "Sts__EmailFrom", "Sts__EmailTo", "Sts__AcsEndpoint", "Sts__AcsKey", "AzureWebJobsStorage", "Sts__Lab__TrustedRoots", "Sts__Auth__Tenant", "Sts__Auth__Audience", "Sts__Auth__GroupClaim", "Sts__Lab__Authority", "Sts__x"];
        Gen.Dictionary(Gen.Int[0, names.Length - 1].Select(n => names[n]), Gen.String)[0, 8].Sample(environment =>
        {
            using var services = TestSettings.Services(environment);
            Assert.All(services.FindWrongSettings(), fault => Assert.False(string.IsNullOrWhiteSpace(fault)));
        }, iter: 500);
    }

    [Theory]
    [InlineData("all", nameof(FunctionSet.All))]
    [InlineData("http", nameof(FunctionSet.Http))]
    [InlineData("HTTP", nameof(FunctionSet.Http))]
    [InlineData("background", nameof(FunctionSet.Background))]
    [InlineData("", nameof(FunctionSet.All))]
    public void The_function_set_of_an_instance_is_a_setting(string word, string functions)
    {
        using var services = Right(("Sts__Functions", word));

        Assert.Equal(functions, services.GetRequiredService<FunctionSetOptions>().Functions.ToString());
    }

    [Fact]
    public void Commands_without_storage_start_without_it()
    {
        using var services = new ServiceCollection()
            .AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(TestSettings.AsConfiguration(new Dictionary<string, string> { ["Sts__Auth__Tenant"] = Tenant })).Build())
            .AddLogging()
            .AddStsCore()
            .BuildServiceProvider();

        Assert.Empty(services.FindWrongSettings());
        Assert.IsType<SmtpMxProbe>(services.GetRequiredService<IMxProbe>());
        Assert.NotNull(services.GetRequiredService<Observer>());
    }

    // The services of an app whose settings are right, and which has storage.
    private static ServiceProvider Right(params (string Name, string Value)[] settings)
    {
        var services = TestSettings.Services(WithStorage(settings));
        Assert.Empty(services.FindWrongSettings());
        return services;
    }

    // The messages about settings.
    private static IReadOnlyList<string> Wrong(params (string Name, string Value)[] settings)
    {
        using var services = TestSettings.Services(WithStorage(settings));
        return services.FindWrongSettings();
    }

    private static Dictionary<string, string> WithStorage((string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string> { ["AzureWebJobsStorage"] = Storage };
        foreach (var (name, value) in settings)
        {
            environment[name] = value;
        }

        return environment;
    }
}
