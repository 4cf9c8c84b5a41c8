using System.Runtime.Versioning;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The hooks of azd in both shells.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class HookTests : HookRunner
{
    private const string ClientId = "88888888-8888-8888-8888-888888888888";

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_app_is_registered_once_with_its_roles_and_the_id_is_stored(string shell)
    {
        var run = await RunAsync(shell, "preprovision", ["ad app create*|0|" + ClientId, "ad sp show*|3|"]);

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains($"Its application (client) id is {ClientId}.", run.Output, StringComparison.Ordinal);
        Assert.Equal(
            [
                "az ad app list --display-name sts-functions-case",
                "az ad app create --display-name sts-functions-case --sign-in-audience AzureADMyOrg --app-roles",
                $"az ad app update --id {ClientId} --identifier-uris api://{ClientId}",
                $"az rest --method PATCH --uri https://graph.microsoft.com/v1.0/applications(appId='{ClientId}')",
                $"az rest --method PATCH --uri https://graph.microsoft.com/v1.0/applications(appId='{ClientId}')",
                $"az ad sp show --id {ClientId}",
                $"az ad sp create --id {ClientId}",
                $"az rest --method PATCH --uri https://graph.microsoft.com/v1.0/servicePrincipals(appId='{ClientId}')",
                $"azd env set STS_AUTH_CLIENT_ID {ClientId}",
            ],
            run.Calls.Select(call => call.Split([" --query", " --headers", " --output", " @"], StringSplitOptions.None)[0]));
        AssertFilesAreThere(run);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task An_existing_registration_is_completed_and_no_second_one_is_made(string shell)
    {
        var run = await RunAsync(shell, "preprovision", ["ad app list*|0|" + ClientId]);

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains("sts-functions-case is registered in Entra ID.", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(run.Calls, call => call.Contains("create", StringComparison.Ordinal));
        Assert.Contains($"azd env set STS_AUTH_CLIENT_ID {ClientId}", run.Calls);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task A_registration_whose_id_is_stored_is_not_searched_for(string shell)
    {
        foreach (var known in (string[])[ClientId, "none"])
        {
            var run = await RunAsync(shell, "preprovision", [], ("STS_AUTH_CLIENT_ID", known));

            Assert.Equal((0, ""), (run.ExitCode, run.Errors));
            Assert.Empty(run.Calls);
        }
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Two_registrations_of_one_name_are_an_error(string shell)
    {
        var run = await RunAsync(shell, "preprovision", [$"ad app list*|0|{ClientId}\\n{ClientId.Replace('8', '9')}"]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("several applications with the name sts-functions-case; set STS_AUTH_CLIENT_ID to the right one", run.Errors, StringComparison.Ordinal);
        Assert.Single(run.Calls);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task A_user_who_may_not_register_apps_learns_who_can_and_how_to_continue(string shell)
    {
        var run = await RunAsync(shell, "preprovision", ["ad app create*|1|"]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("could not be registered", run.Errors, StringComparison.Ordinal);
        Assert.Contains("azd env set STS_AUTH_CLIENT_ID none", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(run.Calls, call => call.StartsWith("azd", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Domains_are_refused_before_anything_is_done_while_the_app_has_no_address(string shell)
    {
        var run = await RunAsync(shell, "preprovision", [], ("STS_DOMAINS", "example.com"));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Run azd up without domains first", run.Errors, StringComparison.Ordinal);
        Assert.Empty(run.Calls);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_records_that_a_binding_needs_are_printed_before_it_is_made(string shell)
    {
        var run = await RunAsync(shell, "preprovision", [], ("STS_DOMAINS", "example.com, example.net"), ("STS_APP_HOST", "func.example"), ("STS_DOMAIN_VERIFICATION_ID", "ABC123"), ("STS_AUTH_CLIENT_ID", "none"));

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal(
            [
                "  mta-sts.example.com.  CNAME  func.example.",
                "  asuid.mta-sts.example.com.  TXT  \"ABC123\"",
                "  mta-sts.example.net.  CNAME  func.example.",
                "  asuid.mta-sts.example.net.  TXT  \"ABC123\"",
            ],
            run.Output.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_missing_records_are_printed_afterwards_behind_Front_Door(string shell)
    {
        var run = await RunAsync(
            shell,
            "postprovision",
            ["*--profile-name afd-1 *|0|mta-sts.a.example\\ttoken-a\\nmta-sts.b.example\\ttoken-b", "*--profile-name afd-2 *|0|"],
            ("STS_EDGE", "frontDoor"), ("STS_EDGE_PROFILES", """["afd-1=one.azurefd.net","afd-2=two.azurefd.net"]"""), ("AZURE_RESOURCE_GROUP", "rg-case"));

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Equal(
            [
                "  mta-sts.a.example.  CNAME  one.azurefd.net.",
                "  _dnsauth.mta-sts.a.example.  TXT  \"token-a\"",
                "  mta-sts.b.example.  CNAME  one.azurefd.net.",
                "  _dnsauth.mta-sts.b.example.  TXT  \"token-b\"",
            ],
            run.Output.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal)));
        Assert.Equal(2, run.Calls.Count(call => call.StartsWith("az afd custom-domain list --resource-group rg-case", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Nothing_is_printed_afterwards_where_nothing_is_missing_or_another_edge_is_used(string shell)
    {
        var done = await RunAsync(shell, "postprovision", [], ("STS_EDGE", "frontDoor"), ("STS_EDGE_PROFILES", """["afd-1=one.azurefd.net"]"""), ("AZURE_RESOURCE_GROUP", "rg-case"));
        var flex = await RunAsync(shell, "postprovision", []);

        Assert.Equal((0, "", ""), (done.ExitCode, done.Output, done.Errors));
        Assert.Equal((0, "", 0), (flex.ExitCode, flex.Output, flex.Calls.Count));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Records_that_cannot_be_read_are_a_failure(string shell)
    {
        var run = await RunAsync(shell, "postprovision", ["afd*|1|"], ("STS_EDGE", "frontDoor"), ("STS_EDGE_PROFILES", """["afd-1=one.azurefd.net"]"""), ("AZURE_RESOURCE_GROUP", "rg-case"));

        Assert.NotEqual(0, run.ExitCode);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_next_steps_are_printed_after_the_first_run(string shell)
    {
        var flex = await RunAsync(shell, "postup", [], ("STS_APP_HOST", "func.example"), ("STS_DOMAIN_VERIFICATION_ID", "ABC123"), ("STS_AUTH_CLIENT_ID", ClientId), ("STS_EDGE_PROFILES", "[]"));
        var frontDoor = await RunAsync(shell, "postup", [], ("STS_APP_HOST", "func.example"), ("STS_EDGE", "frontDoor"), ("STS_DOMAINS", "a.example, b.example"), ("STS_AUTH_CLIENT_ID", "none"), ("STS_EDGE_PROFILES", """["afd-1=one.azurefd.net","afd-2=two.azurefd.net"]"""));

        Assert.Equal((0, "", 0, ""), (flex.ExitCode, flex.Errors, frontDoor.ExitCode, frontDoor.Errors));
        Assert.Contains("https://func.example/", flex.Output, StringComparison.Ordinal);
        Assert.Contains("  mta-sts.example.com.  CNAME  func.example.", flex.Output, StringComparison.Ordinal);
        Assert.Contains("  asuid.mta-sts.example.com.  TXT  \"ABC123\"", flex.Output, StringComparison.Ordinal);
        Assert.Contains("Sts.Admin you@example.com", flex.Output, StringComparison.Ordinal);
        Assert.Contains("  mta-sts.a.example.  CNAME  one.azurefd.net.", frontDoor.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("asuid", frontDoor.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Sts.Admin", frontDoor.Output, StringComparison.Ordinal);
        foreach (var script in flex.Output.Split(' ', '\n').Where(word => word.StartsWith("infra/", StringComparison.Ordinal)))
        {
            Assert.True(File.Exists(Path.Combine(Repository.Root, script)), script);
        }
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task A_role_is_assigned_once(string shell)
    {
        string[] answers = ["*appRoles*|0|role-id", "ad sp show*|0|app-object", "ad user show*|0|user-object"];
        var given = await RunAsync(shell, "grant-role", answers, ["Sts.Admin", "you@example.com"], ("STS_AUTH_CLIENT_ID", ClientId));
        var has = await RunAsync(shell, "grant-role", [.. answers, "rest --method GET*|0|assignment"], ["Sts.Admin", "you@example.com"], ("STS_AUTH_CLIENT_ID", ClientId));

        Assert.Equal((0, "", 0, ""), (given.ExitCode, given.Errors, has.ExitCode, has.Errors));
        Assert.Contains("now has the role Sts.Admin", given.Output, StringComparison.Ordinal);
        Assert.Contains(given.Calls, call => call.StartsWith("az rest --method POST --uri https://graph.microsoft.com/v1.0/servicePrincipals/app-object/appRoleAssignedTo", StringComparison.Ordinal));
        Assert.DoesNotContain(has.Calls, call => call.Contains("POST", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task A_role_that_does_not_exist_is_not_assigned(string shell)
    {
        var run = await RunAsync(shell, "grant-role", ["*appRoles[[]?value*|0|", "*join(*|0|Sts.Admin, Sts.Reader", "ad sp show*|0|app-object"], ["Sts.Owner", "you@example.com"], ("STS_AUTH_CLIENT_ID", ClientId));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Sts.Owner: the app has no role of this name; it has Sts.Admin, Sts.Reader.", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task An_environment_that_was_never_provisioned_is_deleted_without_a_question(string shell)
    {
        var run = await RunAsync(shell, "predown", []);

        Assert.Equal((0, "", ""), (run.ExitCode, run.Output, run.Errors));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_second_site_gets_what_was_published_now_and_no_file_of_an_earlier_version(string shell)
    {
        AddStub("dotnet");
        var earlier = Path.Combine(Root, "dist", "background", "Removed.dll");
        Directory.CreateDirectory(Path.GetDirectoryName(earlier)!);
        await File.WriteAllTextAsync(earlier, "", Cancellation);

        var run = await RunAsync(shell, "publish-background", []);
        var failed = await RunAsync(shell, "publish-background", ["publish*|1|"]);

        Assert.Equal((0, "", 1), (run.ExitCode, run.Errors, failed.ExitCode));
        Assert.Equal(["dotnet publish functions/App -c Release -o dist/background --artifacts-path .local/background --nologo"], run.Calls);
        Assert.False(File.Exists(earlier));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_command_line_is_built_where_it_was_not_published(string shell)
    {
        AddStub("dotnet");

        var run = await RunAsync(shell, "../sts", ["env get-value STS_APP_HOST*|0|func.example", "run*|3|"], ["domain", "show", "example.com", "--json"], ("STS_STORAGE_ACCOUNT", "account"), ("STS_EDGE_PROFILES", "[]"));

        Assert.Equal(
            ["azd env get-value STS_APP_HOST", $"dotnet run --project {Path.Combine(Root, "functions", "Cli")} -c Release --verbosity quiet -- domain show example.com --json"],
            run.Calls);
        Assert.Equal(3, run.ExitCode);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_command_line_gets_the_values_of_the_deployment(string shell)
    {
        AddStub("sts", Path.Combine(Root, "dist", "sts"), """
            #!/bin/sh
            echo "$AzureWebJobsStorage__accountName $Sts__AppHost $Sts__EdgeHosts: $*"
            exit 4
            """);

        var run = await RunAsync(shell, "../sts", [], ["domain", "list"], ("STS_STORAGE_ACCOUNT", "account"), ("STS_APP_HOST", "func.example"), ("STS_EDGE_PROFILES", """["afd-1=one.azurefd.net","afd-2=two.azurefd.net"]"""));

        Assert.Equal((4, "account func.example one.azurefd.net,two.azurefd.net: domain list", ""), (run.ExitCode, run.Output, run.Errors));
        Assert.Empty(run.Calls);
    }

    private static void AssertFilesAreThere(Run run)
    {
        var files = run.Calls.SelectMany(call => call.Split(' ')).Where(word => word.StartsWith('@')).Select(word => word[1..]).ToList();
        Assert.Equal(4, files.Count);
        Assert.All(files, file => System.Text.Json.JsonDocument.Parse(File.ReadAllText(file)).Dispose());
    }
}
