using System.Diagnostics;
using System.Net;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Tests.Probes;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The app where port 25 is blocked, and the same executable as an agent where it is open.</summary>
public sealed class AgentTests(AppUnderTest app, AgentTests.WithoutPort25 running) : IClassFixture<AgentTests.WithoutPort25>
{
    private const string Mx = "mx.probed-by-agent.example";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task A_domain_is_evaluated_by_the_result_of_a_probe_agent()
    {
        var system = running.System;
        // Until an agent asks for work, a blocked port 25 is a finding.
        Assert.Equal((0, ""), await RunAsync("--once"));
        await system.AddAsync(new LabDomain("probed-by-agent.example", $"version: STSv1\nmode: enforce\nmx: {Mx}\nmax_age: 604800\n") { Mx = [new(Mx) { Script = SmtpScript.Plain }] }, Cancellation);
        var address = system.MailLab.Mx(Mx).Servers[0].EndPoint.Address;
        running.Closed.CloseAt(address);
        Assert.Equal((0, ""), await RunAsync("--once"));
        await system.CheckAllAsync(Cancellation);
        Assert.Empty(await running.FindingsAsync("probed-by-agent.example"));

        // The attempts of the check run come one after another, and a running agent answers each of them.
        var start = StartInfo("Sts.Agent");
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using (var agent = Process.Start(start)!)
        {
            var output = agent.StandardOutput.ReadToEndAsync(Cancellation);
            var errors = agent.StandardError.ReadToEndAsync(Cancellation);
            try
            {
                await running.FoundAsync("probed-by-agent.example", Cancellation);
            }
            finally
            {
                agent.Kill();
                await Task.WhenAll(output, errors);
            }
        }

        Assert.Equal(["mx.starttls.missing"], await running.FindingsAsync("probed-by-agent.example"));
        await system.NotifyAsync(Cancellation);
        Assert.Contains(running.Mails, mail => mail.TextBody!.Contains("mx.starttls.missing", StringComparison.Ordinal));
        Assert.DoesNotContain(running.Mails, mail => mail.TextBody!.Contains("outbound.smtp.blocked", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_agent_behind_a_blocked_port_25_says_so_and_exits_2()
    {
        var (exitCode, errors) = await RunAsync("--once", "--smtp-port", $"{running.Closed.Number}");

        Assert.Equal(2, exitCode);
        Assert.Contains($"Port {running.Closed.Number} is blocked from here", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sts.Reader")]
    [InlineData("Sts.Admin")]
    public async Task An_agent_without_its_role_gets_an_error_and_exits_1(string role)
    {
        var (exitCode, errors) = await RunAsync(role, "--once");

        Assert.Equal(1, exitCode);
        Assert.Contains("Sts.Agent", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--app", "http://app.example/", "--scope", "api://x/.default")]
    [InlineData("--app", "https://app.example/")]
    [InlineData("--app", "https://app.example/", "--scope", "x", "--token-file", "y")]
    [InlineData("--scope", "api://x/.default")]
    public async Task Wrong_usage_is_explained_and_exits_2(params string[] arguments)
    {
        var result = await running.System.RunAppAsync(Cancellation, ["agent", .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.NotEqual("", result.Errors);
    }

    [Fact]
    public async Task An_agent_that_is_interrupted_ends_cleanly()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill.");
        var start = StartInfo("Sts.Agent");
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var agent = Process.Start(start)!;
        Assert.Contains("asks", await agent.StandardOutput.ReadLineAsync(Cancellation), StringComparison.Ordinal);

        using (var kill = Process.Start("kill", ["-TERM", $"{agent.Id}"]))
        {
            await kill.WaitForExitAsync(Cancellation);
        }

        var rest = await agent.StandardOutput.ReadToEndAsync(Cancellation);
        await agent.WaitForExitAsync(Cancellation);
        Assert.Equal((0, ""), (agent.ExitCode, await agent.StandardError.ReadToEndAsync(Cancellation)));
        Assert.Contains("Stopped; unfinished tasks", rest, StringComparison.Ordinal);
    }

    private async Task<(int ExitCode, string Errors)> RunAsync(params string[] arguments)
    {
        var role = arguments[0].StartsWith('-') ? "Sts.Agent" : arguments[0];
        var result = await FinishedProcess.RunAsync(StartInfo(role, [.. arguments.Where(argument => argument != role)]), Cancellation);
        return (result.ExitCode, result.Errors);
    }

    private ProcessStartInfo StartInfo(string role, params string[] arguments)
    {
        var system = running.System;
        var token = Path.Combine(Path.GetDirectoryName(system.RootFile)!, $"{role}.agent-token");
        File.WriteAllText(token, system.Token(role));
        string[] port = arguments.Contains("--smtp-port") ? [] : ["--smtp-port", $"{system.MailLab.SmtpPort}"];
        var start = new ProcessStartInfo(app.Command, ["agent", "--app", system.Https(LocalSystem.AppHost, "/").ToString(), "--token-file", token, "--name", "lab", .. port, .. arguments]);
        foreach (var (name, value) in system.Settings.Where(setting => !setting.Key.StartsWith("AzureWebJobsStorage", StringComparison.Ordinal)))
        {
            start.Environment[name] = value;
        }

        // This machine does not trust the lab's CA.
        start.Environment["SSL_CERT_FILE"] = system.RootFile;
        return start;
    }

    /// <summary>A system whose app finds port 25 blocked everywhere.</summary>
    public sealed class WithoutPort25(AppUnderTest app) : RunningSystem(app)
    {
        // The reference MX host is at this address.
        internal ClosedPort Closed { get; } = new(IPAddress.Loopback);

        protected override LocalSystemOptions Options => new()
        {
            Settings = new Dictionary<string, string>
            {
                ["Sts__Lab__SmtpPort"] = $"{Closed.Number}",
                ["Sts__SessionTimeout"] = "00:00:01",
                // Longer than an agent takes to answer.
                ["Sts__ConfirmationDelay"] = "00:00:12",
            },
        };

        /// <summary>Returns once a domain has a finding.</summary>
        public async Task FoundAsync(string domain, CancellationToken cancellationToken)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromMinutes(3));
            while ((await FindingsAsync(domain)).Count == 0)
            {
                await System.Host.WhenIdleAsync(ignoreDelayed: true, limit.Token);
                await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
            }
        }

        public override async ValueTask DisposeAsync()
        {
            Closed.Dispose();
            await base.DisposeAsync();
        }
    }
}
