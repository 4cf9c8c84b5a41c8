using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using StsFunctions.Api;
using StsFunctions.Hosting;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The settings that the template writes are the ones that the app reads.</summary>
public sealed partial class AppSettingsTests(BicepFixture bicep)
{
    // What Azure knows only once something is deployed, in the form that it then has.
    private static readonly Dictionary<string, string> s_onceDeployed = new()
    {
        ["AzureWebJobsStorage__clientId"] = "33333333-3333-3333-3333-333333333333",
        ["AZURE_CLIENT_ID"] = "33333333-3333-3333-3333-333333333333",
        ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = "InstrumentationKey=44444444-4444-4444-4444-444444444444;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
        ["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] = "ClientId=33333333-3333-3333-3333-333333333333;Authorization=AAD",
        ["Sts__FrontDoorIds"] = "55555555-5555-5555-5555-555555555555,66666666-6666-6666-6666-666666666666",
        ["Sts__EdgeHosts"] = "mta-sts-a.azurefd.net,mta-sts-b.azurefd.net",
        ["Sts__AcsEndpoint"] = "https://acs-sts.europe.communication.azure.com",
        ["Sts__WarnFrom"] = "DoNotReply@66666666.azurecomm.net",
        ["Sts__SmtpPassword"] = "out of the Key Vault",
    };

    public static TheoryData<string> Cases => [.. BicepFixture.CaseNames];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_app_starts_with_what_the_template_writes_and_lacks_nothing(string name)
    {
        var settings = await ReadAsync(name);

        Assert.Null(settings.Storage.ConnectionString);
        Assert.StartsWith("stmta", settings.Storage.AccountName, StringComparison.Ordinal);
        Assert.Equal(s_onceDeployed["AZURE_CLIENT_ID"], settings.Storage.ClientId);
        Assert.NotNull(settings.Telemetry.ConnectionString);
        Assert.Contains("Authorization=AAD", settings.Telemetry.AuthenticationString, StringComparison.Ordinal);
        Assert.Equal("func-sts.azurewebsites.net", settings.AppHosts.Primary);
        Assert.NotEmpty(settings.Warnings.To);
        Assert.NotNull(settings.Warnings.From);
    }

    [Fact]
    public async Task The_API_believes_the_registration_that_the_hook_made_and_none_otherwise()
    {
        var open = await ReadAsync("flex");
        var closed = await ReadAsync("first-run");

        Assert.Equal(BicepFixture.Tenant, open.Auth!.Tenant);
        Assert.Equal(["88888888-8888-8888-8888-888888888888", "api://88888888-8888-8888-8888-888888888888"], open.Auth.Audiences);
        Assert.Equal(("roles", AuthSettings.Entra), (open.Auth.GroupClaim, open.Auth.Authority));
        Assert.Null(closed.Auth);
    }

    [Fact]
    public async Task Warnings_leave_by_the_way_that_was_chosen()
    {
        var azure = await WrittenAsync("first-run");
        var relay = await WrittenAsync("every-option");

        Assert.Contains("communicationServices", azure["Sts__AcsEndpoint"], StringComparison.Ordinal);
        Assert.DoesNotContain("Sts__SmtpHost", azure.Keys);
        Assert.DoesNotContain("Sts__AcsEndpoint", relay.Keys);
        Assert.Equal(("relay.example.com", "465", "mta-sts"), (relay["Sts__SmtpHost"], relay["Sts__SmtpPort"], relay["Sts__SmtpUser"]));
        Assert.Matches(@"^\[format\('@Microsoft\.KeyVault\(SecretUri=\{0\}secrets/Sts-SmtpPassword\)', reference\(.*/vaults/kv-sts-.*\)\.vaultUri\)\]$", relay["Sts__SmtpPassword"]);
    }

    [Fact]
    public async Task Further_settings_are_written_as_they_are_given()
    {
        var written = await WrittenAsync("every-option");

        Assert.Equal(("2.00:00:00", "check.example.com"), (written["Sts__MaxStale"], written["Sts__HeloName"]));
    }

    [Fact]
    public async Task The_app_knows_our_Front_Door_profiles_behind_them_and_none_otherwise()
    {
        var behind = await WrittenAsync("front-door");
        var direct = await WrittenAsync("flex");

        Assert.Equal(2, FrontDoorId().Count(behind["Sts__FrontDoorIds"]));
        Assert.Equal(("", ""), (direct["Sts__FrontDoorIds"], direct["Sts__EdgeHosts"]));
    }

    [Fact]
    public async Task No_setting_of_a_lab_and_none_that_Flex_refuses_is_ever_written()
    {
        var written = Resource.Texts(await bicep.TemplateAsync()).ToList();

        Assert.DoesNotContain(written, text => text.Contains("Sts__Lab__", StringComparison.Ordinal) && !text.Contains("for a lab on one machine", StringComparison.Ordinal));
        Assert.All((string[])["FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "ENABLE_ORYX_BUILD", "Sts__AcsKey"], name => Assert.DoesNotContain(name, written));
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
            written.UnionWith((await WrittenAsync(name)).Keys);
        }

        // A setting without either does something only where it is set, and the list says what.
        string[] optional = ["Sts__AcsKey", "Sts__MailFolder", "Sts__DnsServer", "Sts__SmtpPlain", "Sts__MailSecret", "Sts__ReportMailbox", "AzureWebJobsStorage"];
        Assert.Empty(listed.Where(setting => setting.Value == "" && !written.Contains(setting.Key)).Select(setting => setting.Key).Except(optional));
        Assert.Empty(written.Where(name => name.StartsWith("Sts__", StringComparison.Ordinal)).Except(listed.Keys));
    }

    [Fact]
    public async Task It_is_the_host_and_the_runtime_that_the_app_is_made_for()
    {
        var site = Assert.Single((await bicep.ResourcesAsync("first-run")).OfType("Microsoft.Web/sites")).Properties();
        var plan = Assert.Single((await bicep.ResourcesAsync("first-run")).OfType("Microsoft.Web/serverfarms"));
        var host = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "host.json")))!;

        // Another version passes Azure's validation, and the app does not start.
        Assert.Equal(("custom", "1.0"), (site["functionAppConfig"]!["runtime"]!["name"]!.GetValue<string>(), site["functionAppConfig"]!["runtime"]!["version"]!.GetValue<string>()));
        Assert.NotNull(host["customHandler"]);
        Assert.Equal(("FC1", "FlexConsumption", true), (plan["sku"]!["name"]!.GetValue<string>(), plan["sku"]!["tier"]!.GetValue<string>(), plan.Properties()["reserved"]!.GetValue<bool>()));
        Assert.Equal("UserAssignedIdentity", site["functionAppConfig"]!["deployment"]!["storage"]!["authentication"]!["type"]!.GetValue<string>());
    }

    private async Task<Settings> ReadAsync(string name)
    {
        var environment = new Dictionary<string, string> { ["WEBSITE_HOSTNAME"] = "func-sts.azurewebsites.net" };
        foreach (var (setting, value) in await WrittenAsync(name))
        {
            environment[setting] = value.StartsWith('[') || value.StartsWith("@Microsoft.KeyVault(", StringComparison.Ordinal) ? s_onceDeployed[setting] : value;
        }

        var settings = Settings.Read(environment, out var faults);
        Assert.Empty(faults);
        return settings;
    }

    private async Task<Dictionary<string, string>> WrittenAsync(string name)
    {
        var settings = Assert.Single((await bicep.ResourcesAsync(name)).OfType("Microsoft.Web/sites/config")).Properties().AsObject();
        return settings.ToDictionary(setting => setting.Key, setting => setting.Value!.GetValue<string>());
    }

    [GeneratedRegex(@"\.frontDoorId\b")]
    private static partial Regex FrontDoorId();

    [GeneratedRegex(@"^\| ([^|]*`[^|]+`[^|]*) \| ?([^|]*?) ?\|", RegexOptions.Multiline)]
    private static partial Regex SettingRow();

    [GeneratedRegex(@"(Sts__|AzureWebJobsStorage|APPLICATIONINSIGHTS_)[A-Za-z_]*")]
    private static partial Regex SettingName();
}
