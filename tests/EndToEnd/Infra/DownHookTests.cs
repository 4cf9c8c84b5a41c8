using System.Runtime.Versioning;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Tests.EndToEnd;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The hook before <c>azd down</c>, in both shells, with the real command line and real storage.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class DownHookTests(RunningSystem running, AppUnderTest app) : HookRunner, IClassFixture<RunningSystem>
{
    [Theory]
    [MemberData(nameof(Shells))]
    [Trait("Conformance", "OPS-3")]
    public async Task Nothing_is_deleted_while_a_domain_is_hosted_and_the_records_that_would_dangle_are_named(string shell)
    {
        var domain = $"{shell}.down.example";
        running.System.MailLab.Zone.Set($"mta-sts.{domain}", DnsRecord.Cname("localhost"));
        await running.System.PublishAsync(domain, $"version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 604800\n", Cancellation);
        await running.System.PublishAsync($"gone.{domain}", $"version: STSv1\nmode: none\nmax_age: 60\n", Cancellation);
        await running.System.RunAppAsync(Cancellation, "domain", "remove", $"gone.{domain}");
        // The list of domains is a copy, and may have lost one.
        await running.System.PublishAsync($"lost.{domain}", $"version: STSv1\nmode: none\nmax_age: 60\n", Cancellation);
        var lost = DomainName.Parse($"lost.{domain}");
        await new TableServiceClient(running.System.Azurite.ConnectionString).GetTableClient(StorageNames.DomainSummariesTable).DeleteEntityAsync(Keys.Shard(lost), lost.Value, cancellationToken: Cancellation);

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
        Assert.Contains("continuing", forced.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shells))]
    public async Task Nothing_is_deleted_where_the_hosted_domains_are_unknown(string shell)
    {
        var run = await DownAsync(shell, ("AzureWebJobsStorage", $"UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://127.0.0.1:{LoopbackPort.Free()}"));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Nothing was deleted.", run.Errors, StringComparison.Ordinal);
    }

    private Task<Run> DownAsync(string shell, params (string, string)[] environment)
    {
        // The published command line, where the hook searches for it.
        var published = Path.Combine(Root, "dist", "sts");
        if (!Directory.Exists(published))
        {
            Directory.CreateDirectory(published);
            File.CreateSymbolicLink(Path.Combine(published, "sts"), app.Command);
        }

        return RunAsync(shell, "predown", [],
        [
            ("STS_STORAGE_ACCOUNT", "account"),
            ("STS_APP_HOST", "localhost"),
            ("STS_EDGE_PROFILES", "[]"),
            ("AzureWebJobsStorage", running.System.Azurite.ConnectionString),
            ("Sts__DnsServer", running.System.MailLab.Dns.ToString()),
            .. environment,
        ]);
    }
}
