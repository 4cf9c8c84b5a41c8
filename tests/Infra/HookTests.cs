using System.Diagnostics;
using System.Runtime.Versioning;
using Azure.Data.Tables;
using StsFunctions.Domains;
using StsFunctions.Local;
using StsFunctions.Local.MailInternet;
using StsFunctions.Protocol;
using StsFunctions.Tests.EndToEnd;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The hooks of azd in both shells: the real scripts, with programs called <c>az</c> and <c>azd</c> on the path that answer as a test says and note each call.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class HookTests(RunningSystem running, AppUnderTest app) : IClassFixture<RunningSystem>, IAsyncLifetime
{
    private const string ClientId = "88888888-8888-8888-8888-888888888888";

    // Notes the call; answers with the first line of the answers whose pattern fits, and with nothing where none does.
    private const string Stub = """
        #!/bin/sh
        printf '%s %s\n' "$(basename "$0")" "$*" >> "$STUB_CALLS"
        while IFS='|' read -r pattern code output; do
            case "$*" in
                $pattern)
                    [ -z "$output" ] || printf "$output\n"
                    exit "$code"
                    ;;
            esac
        done < "$STUB_ANSWERS"
        exit 0
        """;

    private readonly string _root = Directory.CreateTempSubdirectory("sts-hooks-").FullName;

    private sealed record Run(int ExitCode, string Output, string Errors, IReadOnlyList<string> Calls);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Shells => OperatingSystem.IsWindows() ? ["pwsh"] : ["sh", "pwsh"];

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The programs that stand in for az and azd are sh scripts.");
        foreach (var file in Directory.GetFiles(BicepFixture.Infra, "*", SearchOption.AllDirectories).Where(file => Path.GetExtension(file) is ".sh" or ".ps1" or ".json"))
        {
            var copy = Path.Combine(_root, "infra", Path.GetRelativePath(BicepFixture.Infra, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        foreach (var program in (string[])["az", "azd"])
        {
            var file = Path.Combine(_root, "bin", program);
            await File.WriteAllTextAsync(file, Stub, Cancellation);
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_root, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_app_is_registered_once_with_its_roles_and_the_id_is_kept(string shell)
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
    public async Task A_registration_that_is_there_is_used_and_finished_and_no_second_one_made(string shell)
    {
        var run = await RunAsync(shell, "preprovision", ["ad app list*|0|" + ClientId]);

        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        Assert.Contains("sts-functions-case is registered with Entra ID.", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(run.Calls, call => call.Contains("create", StringComparison.Ordinal));
        Assert.Contains($"azd env set STS_AUTH_CLIENT_ID {ClientId}", run.Calls);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task A_registration_that_is_known_is_not_even_looked_for(string shell)
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
    public async Task Two_registrations_of_the_name_are_not_chosen_between(string shell)
    {
        var run = await RunAsync(shell, "preprovision", [$"ad app list*|0|{ClientId}\\n{ClientId.Replace('8', '9')}"]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("several applications called sts-functions-case; say which by STS_AUTH_CLIENT_ID", run.Errors, StringComparison.Ordinal);
        Assert.Single(run.Calls);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Where_nothing_may_be_registered_it_says_who_can_and_how_to_go_on(string shell)
    {
        var run = await RunAsync(shell, "preprovision", ["ad app create*|1|"]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("could not be registered", run.Errors, StringComparison.Ordinal);
        Assert.Contains("azd env set STS_AUTH_CLIENT_ID none", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(run.Calls, call => call.StartsWith("azd", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Domains_before_the_app_has_an_address_are_refused_before_anything_is_done(string shell)
    {
        var run = await RunAsync(shell, "preprovision", [], ("STS_DOMAINS", "example.com"));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Run azd up without domains first", run.Errors, StringComparison.Ordinal);
        Assert.Empty(run.Calls);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task The_records_that_a_binding_needs_are_printed_before_it(string shell)
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
    public async Task Behind_Front_Door_the_records_that_are_still_missing_are_printed_afterwards(string shell)
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
    public async Task With_nothing_missing_or_another_edge_nothing_is_printed_afterwards(string shell)
    {
        var done = await RunAsync(shell, "postprovision", [], ("STS_EDGE", "frontDoor"), ("STS_EDGE_PROFILES", """["afd-1=one.azurefd.net"]"""), ("AZURE_RESOURCE_GROUP", "rg-case"));
        var flex = await RunAsync(shell, "postprovision", []);

        Assert.Equal((0, "", ""), (done.ExitCode, done.Output, done.Errors));
        Assert.Equal((0, "", 0), (flex.ExitCode, flex.Output, flex.Calls.Count));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Records_that_could_not_be_asked_for_are_a_failure(string shell)
    {
        var run = await RunAsync(shell, "postprovision", ["afd*|1|"], ("STS_EDGE", "frontDoor"), ("STS_EDGE_PROFILES", """["afd-1=one.azurefd.net"]"""), ("AZURE_RESOURCE_GROUP", "rg-case"));

        Assert.NotEqual(0, run.ExitCode);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task After_the_first_run_the_next_steps_are_printed(string shell)
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
    public async Task A_role_is_given_once(string shell)
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
    public async Task A_role_that_is_not_there_is_not_given(string shell)
    {
        var run = await RunAsync(shell, "grant-role", ["*appRoles[[]?value*|0|", "*join(*|0|Sts.Admin, Sts.Reader", "ad sp show*|0|app-object"], ["Sts.Owner", "you@example.com"], ("STS_AUTH_CLIENT_ID", ClientId));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Sts.Owner: the app has no role of this name; it has Sts.Admin, Sts.Reader.", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    [Trait("Conformance", "OPS-3")]
    public async Task Nothing_is_taken_down_while_a_domain_is_hosted_and_the_names_that_would_dangle_are_named(string shell)
    {
        var domain = $"{shell}.down.example";
        running.System.Internet.Zone.Set($"mta-sts.{domain}", DnsRecord.Cname("localhost"));
        await running.System.PublishAsync(domain, $"version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 604800\n", Cancellation);
        await running.System.PublishAsync($"gone.{domain}", $"version: STSv1\nmode: none\nmax_age: 60\n", Cancellation);
        await running.System.RunAppAsync(Cancellation, "domain", "remove", $"gone.{domain}");
        // The list of domains is a copy, and may have lost one.
        await running.System.PublishAsync($"lost.{domain}", $"version: STSv1\nmode: none\nmax_age: 60\n", Cancellation);
        var lost = DomainName.Parse($"lost.{domain}");
        await new TableServiceClient(running.System.Azurite.ConnectionString).GetTableClient(StorageLayout.FleetTable).DeleteEntityAsync(Keys.Shard(lost), lost.Value, cancellationToken: Cancellation);

        var refused = await DownAsync(shell);
        var forced = await DownAsync(shell, ("STS_FORCE_DOWN", "1"));
        await running.System.RunAppAsync(Cancellation, "domain", "remove", domain, "--force");
        await running.System.RunAppAsync(Cancellation, "domain", "remove", lost.Value, "--force");

        Assert.Equal(1, refused.ExitCode);
        Assert.Matches($@"\s{domain.Replace(".", @"\.", StringComparison.Ordinal)}\s+default\s+enforce\s+publish mode: none first\s+mta-sts\.{domain}\. CNAME localhost\.", refused.Output);
        Assert.Matches($@"lost\.{domain.Replace(".", @"\.", StringComparison.Ordinal)}\s+default\s+none\s+now\s", refused.Output);
        Assert.DoesNotContain($"gone.{domain}", refused.Output, StringComparison.Ordinal);
        Assert.Contains("STS_FORCE_DOWN", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(0, forced.ExitCode);
        Assert.Contains(domain, forced.Output, StringComparison.Ordinal);
        Assert.Contains("going on", forced.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task What_was_never_provisioned_is_taken_down_without_a_question(string shell)
    {
        var run = await RunAsync(shell, "predown", []);

        Assert.Equal((0, "", ""), (run.ExitCode, run.Output, run.Errors));
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Where_nobody_can_tell_which_domains_are_left_nothing_is_taken_down(string shell)
    {
        var run = await DownAsync(shell, ("AzureWebJobsStorage", $"UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://127.0.0.1:{LoopbackPort.Free()}"));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Not taken down.", run.Errors, StringComparison.Ordinal);
    }

    private Task<Run> DownAsync(string shell, params (string, string)[] environment)
    {
        // The packaged executable, where the hook looks for it.
        var packaged = Path.Combine(_root, "dist", "app");
        if (!Directory.Exists(packaged))
        {
            Directory.CreateDirectory(packaged);
            File.CreateSymbolicLink(Path.Combine(packaged, "sts"), app.Command);
        }

        return RunAsync(shell, "predown", [],
        [
            ("STS_STORAGE_ACCOUNT", "account"),
            ("STS_APP_HOST", "localhost"),
            ("STS_EDGE_PROFILES", "[]"),
            ("AzureWebJobsStorage", running.System.Azurite.ConnectionString),
            ("Sts__DnsServer", running.System.Internet.Dns.ToString()),
            .. environment,
        ]);
    }

    private static void AssertFilesAreThere(Run run)
    {
        var files = run.Calls.SelectMany(call => call.Split(' ')).Where(word => word.StartsWith('@')).Select(word => word[1..]).ToList();
        Assert.Equal(4, files.Count);
        Assert.All(files, file => System.Text.Json.JsonDocument.Parse(File.ReadAllText(file)).Dispose());
    }

    private Task<Run> RunAsync(string shell, string hook, string[] answers, params (string Name, string Value)[] environment) =>
        RunAsync(shell, hook, answers, [], environment);

    private async Task<Run> RunAsync(string shell, string hook, string[] answers, string[] arguments, params (string Name, string Value)[] environment)
    {
        var (calls, replies) = (Path.Combine(_root, "calls"), Path.Combine(_root, "answers"));
        await File.WriteAllTextAsync(calls, "", Cancellation);
        await File.WriteAllTextAsync(replies, string.Concat(answers.Select(answer => answer + "\n")), Cancellation);
        var start = shell == "sh"
            ? new ProcessStartInfo("sh", [Path.Combine(_root, "infra", "hooks", $"{hook}.sh"), .. arguments])
            : new ProcessStartInfo("dotnet", ["exec", await PowerShell.PathAsync(), "-NoProfile", "-File", Path.Combine(_root, "infra", "hooks", $"{hook}.ps1"), .. arguments]);
        start.WorkingDirectory = _root;
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("STS_", StringComparison.OrdinalIgnoreCase) || name.StartsWith("AZURE_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["PATH"] = $"{Path.Combine(_root, "bin")}:{start.Environment["PATH"]}";
        start.Environment["STUB_CALLS"] = calls;
        start.Environment["STUB_ANSWERS"] = replies;
        start.Environment["AZURE_ENV_NAME"] = "case";
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["NO_COLOR"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var run = await FinishedProcess.RunAsync(start, Cancellation);
        return new Run(run.ExitCode, run.Output.TrimEnd(), run.Errors.TrimEnd(), await File.ReadAllLinesAsync(calls, Cancellation));
    }
}
