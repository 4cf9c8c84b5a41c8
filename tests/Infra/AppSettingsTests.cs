using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using StsFunctions.App.Options;
using StsFunctions.Core.Hosts;
using StsFunctions.Core.Options;
using StsFunctions.Local;
using StsFunctions.Notifications;
using StsFunctions.Storage;
using StsFunctions.Storage.Retention;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The settings that the template writes are the ones that the app reads.</summary>
public sealed partial class AppSettingsTests(BicepFixture bicep)
{
    // What Azure knows only once something is deployed, in the form that it then has.
    private static readonly Dictionary<string, string> OnceDeployed = new()
    {
        ["AzureWebJobsStorage__clientId"] = "33333333-3333-3333-3333-333333333333",
        ["AZURE_CLIENT_ID"] = "33333333-3333-3333-3333-333333333333",
        ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = "InstrumentationKey=44444444-4444-4444-4444-444444444444;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
        ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] = "ClientId=33333333-3333-3333-3333-333333333333;Authorization=AAD",
        ["Sts__FrontDoorIds"] = "55555555-5555-5555-5555-555555555555,66666666-6666-6666-6666-666666666666",
        ["Sts__EdgeHosts"] = "mta-sts-a.azurefd.net,mta-sts-b.azurefd.net",
        ["Sts__AppHost"] = "func-sts.azurewebsites.net",
        ["Sts__AcsEndpoint"] = "https://acs-sts.europe.communication.azure.com",
        ["Sts__EmailFrom"] = "DoNotReply@66666666.azurecomm.net",
        ["Sts__SmtpPassword"] = "out of the Key Vault",
    };

    public static TheoryData<string> Cases => [.. BicepFixture.CaseNames];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_app_starts_with_the_settings_of_the_template(string name)
    {
        foreach (var site in await SitesAsync(name))
        {
            using var services = Read(site);

            var (storage, telemetry, email) = (services.GetRequiredService<StorageOptions>(), services.GetRequiredService<TelemetryOptions>(), services.GetRequiredService<EmailOptions>());
            Assert.Null(storage.ConnectionString);
            Assert.StartsWith("stmta", storage.AccountName, StringComparison.Ordinal);
            Assert.Equal(OnceDeployed["AZURE_CLIENT_ID"], storage.ClientId);
            Assert.NotNull(telemetry.ConnectionString);
            Assert.Contains("Authorization=AAD", telemetry.AuthenticationString, StringComparison.Ordinal);
            Assert.Equal("func-sts.azurewebsites.net", services.GetRequiredService<AppHostOptions>().Primary);
            Assert.NotEmpty(email.To);
            Assert.NotNull(email.From);
        }
    }

    [Fact]
    public async Task The_API_trusts_the_registration_of_the_hook_and_no_other()
    {
        using var open = Read(await WrittenAsync("flex"));
        using var closed = Read(await WrittenAsync("first-run"));

        var auth = open.GetRequiredService<AuthOptions>();
        Assert.Equal(BicepFixture.Tenant, auth.Tenant);
        Assert.Equal(["88888888-8888-8888-8888-888888888888", "api://88888888-8888-8888-8888-888888888888"], auth.Audiences);
        Assert.Equal(("roles", AuthOptions.Entra), (auth.GroupClaim, auth.Authority));
        Assert.False(closed.GetRequiredService<AuthOptions>().IsConfigured);
    }

    [Fact]
    public async Task Notifications_leave_through_the_configured_channel()
    {
        var azure = await WrittenAsync("first-run");
        var relay = await WrittenAsync("every-option");

        Assert.Contains("communicationServices", azure["Sts__AcsEndpoint"], StringComparison.Ordinal);
        Assert.DoesNotContain("Sts__SmtpHost", azure.Keys);
        Assert.DoesNotContain("Sts__AcsEndpoint", relay.Keys);
        Assert.Equal(("relay.example.com", "465", "mta-sts"), (relay["Sts__SmtpHost"], relay["Sts__SmtpPort"], relay["Sts__SmtpUser"]));
        Assert.Matches(@"^\[format\('@Microsoft\.KeyVault\(SecretUri=\{0\}secrets/Sts-SmtpPassword\)', reference\(.*/vaults/kv-sts-.*\)\.vaultUri\)\]$", relay["Sts__SmtpPassword"]);
    }

    [Theory]
    [InlineData("first-run", 90, 90)]
    [InlineData("dedicated", 90, 90)]
    [InlineData("every-option", 365, 30)]
    public async Task The_app_retains_raw_reports_and_observations_for_as_long_as_the_parameters_say(string name, int reportDays, int observationDays)
    {
        foreach (var site in await SitesAsync(name))
        {
            using var services = Read(site);

            Assert.Equal(
                new RetentionOptions { RawReportDays = reportDays, ObservationDays = observationDays },
                services.GetRequiredService<RetentionOptions>());
        }
    }

    [Fact]
    public async Task The_retention_without_a_parameter_is_that_of_the_app_without_a_setting()
    {
        var declared = (await bicep.TemplateAsync())["parameters"]!;
        var defaults = new RetentionOptions();

        Assert.Equal(
            (defaults.RawReportDays, defaults.ObservationDays),
            (declared["reportRetentionDays"]!["defaultValue"]!.GetValue<int>(), declared["observationRetentionDays"]!["defaultValue"]!.GetValue<int>()));
    }

    [Fact]
    public async Task Further_settings_are_written_as_they_are_given()
    {
        var written = await WrittenAsync("every-option");

        Assert.Equal(("2.00:00:00", "check.example.com"), (written["Sts__MaxStale"], written["Sts__EhloName"]));
    }

    [Fact]
    public async Task The_app_knows_its_Front_Door_profiles_behind_them_and_none_otherwise()
    {
        var behind = await WrittenAsync("front-door");
        var direct = await WrittenAsync("flex");

        Assert.Equal(2, FrontDoorId().Count(behind["Sts__FrontDoorIds"]));
        Assert.Equal(("", ""), (direct["Sts__FrontDoorIds"], direct["Sts__EdgeHosts"]));
    }

    [Fact]
    public async Task No_lab_setting_and_no_key_is_ever_written()
    {
        var written = Resource.Texts(await bicep.TemplateAsync()).ToList();

        Assert.DoesNotContain(written, text => text.Contains("Sts__Lab__", StringComparison.Ordinal) && !text.Contains("for a lab on one machine", StringComparison.Ordinal));
        Assert.DoesNotContain("Sts__AcsKey", written);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_setting_that_Flex_refuses_is_written_only_on_the_plan_that_needs_it(string name)
    {
        string[] refused =
        [
            "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE", "ENABLE_ORYX_BUILD", "SCM_DO_BUILD_DURING_DEPLOYMENT", "WEBSITE_TIME_ZONE", "WEBSITE_LOAD_CERTIFICATES",
        ];
        string[] needed = name == "dedicated" ? ["FUNCTIONS_EXTENSION_VERSION=~4", "FUNCTIONS_WORKER_RUNTIME=dotnet-isolated", "WEBSITE_RUN_FROM_PACKAGE=1"] : [];

        Assert.All(await SitesAsync(name), site => Assert.Equal(needed, site.Where(setting => refused.Contains(setting.Key)).Select(setting => $"{setting.Key}={setting.Value}").Order(StringComparer.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_home_page_of_the_host_is_off(string name) =>
        Assert.All(await SitesAsync(name), site => Assert.Equal("true", site["AzureWebJobsDisableHomepage"]));

    [Fact]
    public async Task A_Dedicated_plan_has_one_site_for_HTTP_functions_and_one_for_all_others()
    {
        var sites = await SitesAsync("dedicated");

        Assert.Equal(["http", "background"], sites.Select(site => site["Sts__Functions"]));
        // Records lead to the site that answers: it knows its own name, and the other site has it as a setting.
        Assert.False(sites[0].ContainsKey("Sts__AppHost"));
        Assert.Matches(@"^\[reference\('.*/sites/func-sts-[a-z0-9]{13}', '[0-9-]+'\)\.defaultHostName\]$", sites[1]["Sts__AppHost"]);
        // Or two hosts would take each other for one (Azure cuts names after 32 characters).
        var names = (await bicep.ResourcesAsync("dedicated")).NamesOf("Microsoft.Web/sites");
        Assert.Equal(2, names.Select(name => name[..Math.Min(32, name.Length)]).Distinct().Count());
    }

    [Fact]
    public async Task A_Flex_plan_has_one_site_for_every_function()
    {
        foreach (var name in BicepFixture.CaseNames.Except(["dedicated"]))
        {
            Assert.DoesNotContain("Sts__Functions", Assert.Single(await SitesAsync(name)).Keys);
        }
    }

    [Fact]
    public async Task Every_setting_is_written_or_has_its_default_in_the_list()
    {
        var listed = SettingRow().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "SETTINGS.md")))
            .SelectMany(row => SettingName().Matches(row.Groups[1].Value), (row, name) => (Name: name.Value, Default: row.Groups[2].Value))
            .ToDictionary(row => row.Name, row => row.Default);
        var written = new HashSet<string>();
        foreach (var name in BicepFixture.CaseNames)
        {
            written.UnionWith((await SitesAsync(name)).SelectMany(site => site.Keys));
        }

        // A setting without either has an effect only where it is set, and the list says which.
        string[] optional = ["Sts__AcsKey", "Sts__EmailPickupFolder", "Sts__DnsServer", "Sts__SmtpPlain", "Sts__MailSecret", "Sts__ReportMailbox", "AzureWebJobsStorage"];
        Assert.Empty(listed.Where(setting => setting.Value == "" && !written.Contains(setting.Key)).Select(setting => setting.Key).Except(optional));
        Assert.Empty(written.Where(name => name.StartsWith("Sts__", StringComparison.Ordinal)).Except(listed.Keys));
    }

    [Fact]
    public async Task The_runtime_on_Flex_is_the_one_that_the_app_targets()
    {
        var resources = await bicep.ResourcesAsync("first-run");
        var config = Assert.Single(resources.OfType("Microsoft.Web/sites")).Properties()["functionAppConfig"]!;
        var plan = Assert.Single(resources.OfType("Microsoft.Web/serverfarms"));

        // Another version, 10 among them, passes Azure's validation, and the app does not start.
        Assert.Equal(("dotnet-isolated", "10.0"), (config["runtime"]!["name"]!.GetValue<string>(), config["runtime"]!["version"]!.GetValue<string>()));
        Assert.Equal(("FC1", "FlexConsumption", true), (plan["sku"]!["name"]!.GetValue<string>(), plan["sku"]!["tier"]!.GetValue<string>(), plan.Properties()["reserved"]!.GetValue<bool>()));
        Assert.Equal("UserAssignedIdentity", config["deployment"]!["storage"]!["authentication"]!["type"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_runtime_on_a_Dedicated_plan_is_the_same_and_the_sites_stay_loaded()
    {
        var resources = await bicep.ResourcesAsync("dedicated");
        var plan = Assert.Single(resources.OfType("Microsoft.Web/serverfarms"));

        Assert.Equal(("P0v3", true), (plan["sku"]!["name"]!.GetValue<string>(), plan.Properties()["reserved"]!.GetValue<bool>()));
        Assert.All(resources.OfType("Microsoft.Web/sites"), site =>
        {
            var config = site.Properties()["siteConfig"]!;
            Assert.Equal(("DOTNET-ISOLATED|10.0", true), (config["linuxFxVersion"]!.GetValue<string>(), config["alwaysOn"]!.GetValue<bool>()));
            Assert.Equal(plan["id"]!.GetValue<string>(), site.Properties()["serverFarmId"]!.GetValue<string>());
            Assert.Null(site.Properties().AsObject()["functionAppConfig"]);
        });
    }

    [Theory]
    [InlineData("first-run", 8, "RollingUpdate", "0")]
    [InlineData("every-option", 32, "Recreate", "1")]
    public async Task Requests_updates_and_the_placeholder_on_Flex_are_as_the_parameters_say(string name, int concurrency, string updates, string placeholder)
    {
        var config = Assert.Single((await bicep.ResourcesAsync(name)).OfType("Microsoft.Web/sites")).Properties()["functionAppConfig"]!;
        var site = Assert.Single(await SitesAsync(name));

        Assert.Equal(concurrency, config["scaleAndConcurrency"]!["triggers"]!["http"]!["perInstanceConcurrency"]!.GetValue<int>());
        Assert.Equal(updates, config["siteUpdateStrategy"]!["type"]!.GetValue<string>());
        Assert.Equal(placeholder, site["WEBSITE_USE_PLACEHOLDER_DOTNETISOLATED"]);
    }

    [Fact]
    public void The_host_gets_no_other_setting()
    {
        var host = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "host.json")))!.AsObject();
        var queues = host["extensions"]!["queues"]!;

        Assert.Equal(["extensions", "logging", "telemetryMode", "version"], host.Select(part => part.Key).Order(StringComparer.Ordinal));
        Assert.Equal("OpenTelemetry", host["telemetryMode"]!.GetValue<string>());
        // A policy path begins at the root.
        Assert.Equal("", host["extensions"]!["http"]!["routePrefix"]!.GetValue<string>());
        Assert.Equal((16, 5), (queues["batchSize"]!.GetValue<int>(), queues["maxDequeueCount"]!.GetValue<int>()));
        Assert.Equal(("00:01:00", "00:00:10"), (queues["visibilityTimeout"]!.GetValue<string>(), queues["maxPollingInterval"]!.GetValue<string>()));
    }

    private static ServiceProvider Read(Dictionary<string, string> written)
    {
        var environment = new Dictionary<string, string> { ["WEBSITE_HOSTNAME"] = "func-sts.azurewebsites.net" };
        foreach (var (setting, value) in written)
        {
            environment[setting] = value.StartsWith('[') || value.StartsWith("@Microsoft.KeyVault(", StringComparison.Ordinal) ? OnceDeployed[setting] : value;
        }

        var services = TestSettings.Services(environment);
        Assert.Empty(services.FindWrongSettings());
        return services;
    }

    // Those of the site that answers requests.
    private async Task<Dictionary<string, string>> WrittenAsync(string name) => (await SitesAsync(name))[0];

    // Those of each site, the one that answers requests first.
    private async Task<IReadOnlyList<Dictionary<string, string>>> SitesAsync(string name) =>
        [.. (await bicep.ResourcesAsync(name)).OfType("Microsoft.Web/sites/config")
            .OrderBy(site => site["name"]!.GetValue<string>().Contains("-bg-", StringComparison.Ordinal))
            .Select(site => site.Properties().AsObject().ToDictionary(setting => setting.Key, setting => setting.Value!.GetValue<string>()))];

    [GeneratedRegex(@"\.frontDoorId\b")]
    private static partial Regex FrontDoorId();

    [GeneratedRegex(@"^\| ([^|]*`[^|]+`[^|]*) \| ?([^|]*?) ?\|", RegexOptions.Multiline)]
    private static partial Regex SettingRow();

    [GeneratedRegex(@"(Sts__|AzureWebJobsStorage|APPLICATIONINSIGHTS_)[A-Za-z_]*")]
    private static partial Regex SettingName();
}
