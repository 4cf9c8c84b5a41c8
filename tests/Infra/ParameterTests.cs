using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>Parameters that cannot be deployed are refused before anything is deployed, with a message that says what to do instead.</summary>
public sealed partial class ParameterTests(BicepFixture bicep)
{
    /// <summary>Parameters that deploy, with some of them otherwise.</summary>
    public static string With(params (string Name, string Value)[] parameters)
    {
        var all = new Dictionary<string, string> { ["environmentName"] = "'case'", ["location"] = "'westeurope'", ["emailTo"] = "'postmaster@example.com'" };
        foreach (var (name, value) in parameters)
        {
            all[name] = value;
        }

        return "using '../../../infra/main.bicep'\n" + string.Concat(all.Select(parameter => $"param {parameter.Key} = {parameter.Value}\n"));
    }

    // Each row: the invalid parameters, and all the messages about them, which come at once.
    public static TheoryData<string, (string Name, string Value)[], string[]> Refused => new()
    {
        {
            "the fourth host on flex",
            [("domains", "'a.example, b.example, c.example, d.example'")],
            ["STS_EDGE=flex supports 3 policy hosts, since an app on Flex Consumption can have 3 certificates; STS_DOMAINS names 4. Choose STS_EDGE=keyVault (up to 300 hosts in 3 certificates of your own) or STS_EDGE=frontDoor (100 a Standard profile, 500 a Premium one); docs/INSTALL.md says what each costs."]
        },
        {
            "what is no domain",
            [("domains", $"'mta-sts.example.com; example.com, Example.COM, example, *.example.com, https://example.com/, a.example b.example, example.com., bücher.example, a_b.example, {new string('a', 50)}.example'")],
            [
                "STS_DOMAINS: \"example\", \"*.example.com\", \"https://example.com/\", \"a.example b.example\", \"example.com.\", \"bücher.example\", \"a_b.example\" is not a domain name; write names such as example.com, with A-labels (xn--…), separated by commas.",
                "STS_DOMAINS: \"mta-sts.example.com\": name the mail domain, without mta-sts. before it.",
                "STS_DOMAINS: a domain is named twice.",
                "STS_DOMAINS: with STS_EDGE=flex there are no groups; separate the domains by commas, not by semicolons.",
                $"STS_EDGE=flex: a managed certificate has names of up to 64 characters, and mta-sts.{new string('a', 50)}.example is longer.",
            ]
        },
        {
            "more than a Standard profile carries",
            [("edge", "'frontDoor'"), ("domains", $"'{Domains(101)}'")],
            ["STS_EDGE=frontDoor: a Standard profile supports 100 domains, and a group of STS_DOMAINS is larger. Start another profile with a semicolon, or choose STS_FRONTDOOR_TIER=Premium (500); leave the deployed domains in their group."]
        },
        {
            "more than a Premium profile carries",
            [("edge", "'frontDoor'"), ("frontDoorTier", "'Premium'"), ("domains", $"'{Domains(501)}'")],
            ["a Premium profile supports 500 domains, and a group of STS_DOMAINS is larger. Start another profile with a semicolon; leave"]
        },
        {
            "more certificates than an app holds",
            [("edge", "'keyVault'"), ("domains", $"'{Domains(101)};b.example;c.example;e.example'"), ("certificateNames", "'first'"), ("certificateVaultId", "'company'")],
            [
                "STS_EDGE=keyVault supports 3 certificates, since an app on Flex Consumption can have no more; STS_DOMAINS has 4 groups.",
                "STS_EDGE=keyVault: a certificate can have up to 100 names, and a group of STS_DOMAINS is larger.",
                "STS_EDGE=keyVault: STS_DOMAINS has 4 group(s) and STS_CERTIFICATES 1 name(s)",
                "STS_EDGE=keyVault: STS_CERTIFICATE_VAULT is not the resource id of a Key Vault; `az keyvault show --name NAME --query id` prints it.",
            ]
        },
        {
            "too small",
            [
                ("emailTo", "''"), ("mail", "'smtp'"), ("smtpHost", "'relay.example.com'"), ("smtpPort", "0"), ("settings", "'MaxStale=1'"), ("authClientId", "'sts-functions'"), ("authGroupClaim", "'roles, groups'"),
                ("delegationZone", "'mta-sts.example.net.'"), ("reportRetentionDays", "6"), ("observationRetentionDays", "6"), ("logCapGb", "0"), ("maximumInstanceCount", "39"), ("alwaysReadyInstances", "-1"), ("httpConcurrency", "0"),
            ],
            [
                "STS_EMAIL_TO: write the mail addresses that get notifications, separated by commas.",
                "STS_MAIL=smtp needs STS_SMTP_HOST (your relay) and STS_EMAIL_FROM (the sender of notifications).",
                "STS_SMTP_PORT: 0 is not a port; write a number from 1 to 65535.",
                "STS_SETTINGS: write settings of docs/SETTINGS.md as Sts__Name=value, separated by semicolons.",
                "STS_AUTH_CLIENT_ID: \"sts-functions\" is not an application (client) id; write the GUID of the app registration, or none.",
                "STS_AUTH_GROUP_CLAIM: \"roles, groups\" is not the name of a claim; write one name, such as roles or groups.",
                "STS_DELEGATION_ZONE: \"mta-sts.example.net.\" is not the name of a zone; write it without a dot at the end, such as mta-sts.example.net.",
                "STS_REPORT_DAYS: 6 is out of range; write 7 to 3650 days.",
                "STS_OBSERVATION_DAYS: 6 is out of range; write 7 to 3650 days.",
                "STS_LOG_CAP_GB: 0 is out of range; write 1 to 100 GB a day.",
                "STS_MAX_INSTANCES: 39 is out of range; Flex Consumption accepts 40 to 1000.",
                "STS_ALWAYS_READY: -1 is out of range; write 0 to 20, each is paid for by the hour.",
                "STS_HTTP_CONCURRENCY: 0 is out of range; one instance answers 1 to 1000 requests at the same time.",
            ]
        },
        {
            "too large",
            [
                ("emailTo", "'postmaster'"), ("smtpPort", "65536"), ("settings", "'Sts__MaxStale; Sts__Lab__AllowEveryAddress=true'"), ("delegationZone", "'zone'"),
                ("reportRetentionDays", "3651"), ("observationRetentionDays", "3651"), ("logCapGb", "101"), ("maximumInstanceCount", "1001"), ("alwaysReadyInstances", "21"), ("httpConcurrency", "1001"),
            ],
            [
                "STS_EMAIL_TO: write", "STS_SMTP_PORT: 65536", "STS_SETTINGS: write", "STS_SETTINGS: Sts__Lab__ settings remove protections; they are for a lab on one machine, never for Azure.",
                "STS_DELEGATION_ZONE: \"zone\"", "STS_REPORT_DAYS: 3651", "STS_OBSERVATION_DAYS: 3651", "STS_LOG_CAP_GB: 101", "STS_MAX_INSTANCES: 1001", "STS_ALWAYS_READY: 21", "STS_HTTP_CONCURRENCY: 1001",
            ]
        },
        {
            "what has a parameter of its own",
            [("settings", "'Sts__RawReportDays=7; Sts__ObservationDays=7'")],
            ["STS_SETTINGS: the templates set Sts__RawReportDays from STS_REPORT_DAYS, and Sts__ObservationDays from STS_OBSERVATION_DAYS; set those."]
        },
        {
            "what there is not",
            [("plan", "'premium'"), ("planSku", "'Y1'"), ("edge", "'cloudflare'"), ("instanceMemoryMB", "1024"), ("mail", "'pigeon'")],
            ["'dedicated' | 'flex'", "'B1' | 'B2' | 'B3' | 'P0v3' | 'P1v3' | 'P2v3'", "'flex' | 'frontDoor' | 'keyVault'", "2048 | 4096 | 512", "'communicationServices' | 'none' | 'smtp'"]
        },
        {
            "certificates on a Dedicated plan",
            [("plan", "'dedicated'"), ("domains", "'a.example'")],
            ["STS_PLAN=dedicated works with STS_EDGE=frontDoor only: the templates create no certificates on a Dedicated plan yet. Choose STS_EDGE=frontDoor, or STS_PLAN=flex; docs/INSTALL.md says what works on which plan."]
        },
        {
            "your certificates on a Dedicated plan",
            [("plan", "'dedicated'"), ("edge", "'keyVault'")],
            ["STS_PLAN=dedicated works with STS_EDGE=frontDoor only"]
        },
    };

    public static TheoryData<string, (string Name, string Value)[]> Accepted => new()
    {
        {
            "three hosts on flex",
            [("domains", $"' EXAMPLE.com , {new string('a', 48)}.example, c.example ,'"), ("mail", "'none'"), ("authClientId", "'none'"), ("certificateNames", "'left over, from before'"), ("settings", "'Sts__ReferenceMxHosts=mx.example.com,mx.example.net;'"), ("smtpPort", "65535"), ("reportRetentionDays", "7"), ("maximumInstanceCount", "1000"), ("alwaysReadyInstances", "20")]
        },
        { "a full Standard profile and the next", [("edge", "'frontDoor'"), ("domains", $"'{Domains(100)};e.example'")] },
        { "a full certificate", [("edge", "'keyVault'"), ("domains", $"'{Domains(100)}'"), ("certificateNames", "'first'"), ("certificateVaultId", "'/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/g/providers/Microsoft.KeyVault/vaults/company'")] },
        { "no certificate yet", [("edge", "'keyVault'")] },
        { "a Dedicated plan without a domain yet", [("plan", "'dedicated'"), ("edge", "'frontDoor'")] },
        { "as many requests as Azure takes", [("httpConcurrency", "1000"), ("rollingUpdate", "false"), ("usePlaceholder", "true")] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Invalid_parameters_are_refused_with_messages_that_say_what_to_do(string what, (string Name, string Value)[] parameters, string[] messages)
    {
        var (code, said, prediction) = await bicep.PredictAsync("refused", With(parameters));

        Assert.True(code != 0 && prediction is null, what);
        Assert.All(messages, message => Assert.Contains(message, said, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Accepted))]
    public async Task Parameters_at_the_limits_deploy(string what, (string Name, string Value)[] parameters)
    {
        var (code, said, prediction) = await bicep.PredictAsync("accepted", With(parameters));

        Assert.True(code == 0 && said == "", $"{what}: {said}");
        Assert.NotEmpty(prediction!["predictedResources"]!.AsArray());
    }

    [Fact]
    public async Task The_API_stays_closed_without_an_application_id()
    {
        // The case flex is the one with an id; a claim alone opens nothing.
        var closed = await SettingsAsync(With(("authClientId", "'none'"), ("authGroupClaim", "'roles'")));

        Assert.DoesNotContain(closed, setting => setting.Key.StartsWith("Sts__Auth__", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_parameter_has_a_value_of_the_environment_and_the_same_default()
    {
        var declared = (await bicep.TemplateAsync())["parameters"]!.AsObject();
        var given = JsonNode.Parse(File.ReadAllText(Path.Combine(BicepFixture.Infra, "main.parameters.json")))!["parameters"]!.AsObject();

        Assert.Equal(declared.Select(p => p.Key).Order(StringComparer.Ordinal), given.Select(p => p.Key).Order(StringComparer.Ordinal));
        foreach (var (name, parameter) in given)
        {
            var value = EnvironmentValue().Match(parameter!["value"]!.GetValue<string>());
            Assert.True(value.Success, name);
            if (declared[name]!["defaultValue"] is { } own)
            {
                Assert.Equal(own.ToString(), value.Groups["default"].Value, ignoreCase: true);
            }
            else
            {
                // Without one, azd asks.
                Assert.False(value.Groups["default"].Success, name);
            }
        }
    }

    [Fact]
    public void The_operators_guide_names_each_environment_value()
    {
        var guide = File.ReadAllText(Path.Combine(Repository.Root, "docs", "INSTALL.md"));
        var values = EnvironmentValue().Matches(File.ReadAllText(Path.Combine(BicepFixture.Infra, "main.parameters.json"))).Select(match => match.Groups["name"].Value).Where(name => name.StartsWith("STS_", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(values);
        Assert.All(values, value => Assert.Contains($"`{value}`", guide, StringComparison.Ordinal));
    }

    private async Task<JsonObject> SettingsAsync(string parameters)
    {
        var (code, said, prediction) = await bicep.PredictAsync("settings", parameters);
        Assert.True(code == 0, said);
        return prediction!["predictedResources"]!.AsArray().Select(resource => resource!.AsObject()).OfType("Microsoft.Web/sites/config").Single().Properties().AsObject();
    }

    private static string Domains(int count) =>
        string.Join(',', Enumerable.Range(1, count).Select(number => string.Create(CultureInfo.InvariantCulture, $"d{number}.example")));

    [GeneratedRegex(@"\$\{(?<name>[A-Z_]+)(=(?<default>[^}]*))?\}")]
    private static partial Regex EnvironmentValue();
}
