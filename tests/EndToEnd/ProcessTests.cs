using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;
using StsFunctions.Local;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The worker, the command line and the local runner as processes: how they start, refuse to start, and end.</summary>
public sealed class ProcessTests(AppUnderTest app, RunningSystem running) : IClassFixture<RunningSystem>
{
    private const string Storage = "UseDevelopmentStorage=true";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void The_command_line_is_native_code_on_Linux_where_a_linker_is_installed() => Assert.True(
        !File.Exists(Path.Combine(app.CommandFolder, "sts.dll")) || !OperatingSystem.IsLinux() || !(File.Exists("/usr/bin/clang") || File.Exists("/usr/bin/gcc")),
        "A linker is there, so native code is what must be tested.");

    [Theory]
    [InlineData("Sts__MaxStale", "soon")]
    [InlineData("Sts__CacheTime", "00:10:00")]
    [InlineData("Sts__CachTime", "00:00:30")]
    [InlineData("Sts__DnsServer", "dns.example.com")]
    [InlineData("Sts__AcsEndpoint", "not a URL")]
    [InlineData("AzureWebJobsStorage", "nonsense")]
    public async Task A_wrong_setting_ends_the_process_with_code_2_and_one_line_that_names_the_setting(string name, string value)
    {
        var (code, output, errors) = await RunAsync(new() { ["AzureWebJobsStorage"] = Storage, [name] = value });
        Assert.Equal(2, code);
        Assert.Equal("", output);
        Assert.StartsWith(name, Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_without_a_storage_setting_does_not_start_and_names_the_setting()
    {
        var (code, _, errors) = await RunAsync([]);
        Assert.Equal(2, code);
        Assert.Contains("AzureWebJobsStorage__accountName", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http", true)]
    [InlineData("background", false)]
    public async Task The_Functions_host_gets_only_the_functions_of_the_configured_set(string set, bool isHttp)
    {
        await using var host = await running.System.StartHostAsync(new Dictionary<string, string> { ["Sts__Functions"] = set }, Cancellation);

        Assert.Equal(
            RunningApp.Functions.Where(function => function.Trigger is HttpTriggerAttribute == isHttp).Select(function => function.Name).Order(StringComparer.Ordinal),
            host.Functions.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task All_wrong_settings_are_named_one_per_line()
    {
        var (code, output, errors) = await RunAsync(new() { ["AzureWebJobsStorage"] = "nonsense", ["Sts__CacheTime"] = "abc", ["Sts__CachTime"] = "00:00:30", ["Sts__Auth__Audience"] = "api://sts" });

        Assert.Equal((2, ""), (code, output));
        Assert.Equal(
            ["AzureWebJobsStorage", "Sts__Auth__Tenant, Sts__Auth__Audience", "Sts__CachTime", "Sts__CacheTime"],
            errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(':')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Spans_go_to_Azure_Monitor_by_the_connection_string_and_no_environment_variable_redirects_them()
    {
        var received = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var ingestion = await StartIngestionAsync(body =>
        {
            if (body.Contains("function ServePolicy", StringComparison.Ordinal))
            {
                received.TrySetResult(body);
            }
        });
        var address = ingestion.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await using var host = await running.System.StartHostAsync(
            new Dictionary<string, string>
            {
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:1",
                ["APPLICATIONINSIGHTS_CONNECTION_STRING"] = $"InstrumentationKey={Guid.Empty};IngestionEndpoint={address}/",
            },
            Cancellation);
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.HttpAddress, "/.well-known/mta-sts.txt"));
        request.Headers.Host = "not-a-policy-host.example";
        using var answer = await client.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        await received.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
    }

    [Fact]
    public async Task The_smoke_run_of_the_local_runner_passes()
    {
        var (code, output, errors) = await RunLocalAsync("--smoke");
        Assert.True(code == 0, output + errors);
        Assert.Contains("lines are as expected.", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_local_runner_stops_everything_that_it_started_when_it_is_interrupted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no SIGINT to send on Windows.");
        var data = Directory.CreateTempSubdirectory("sts-live-").FullName;
        using var process = StartLocal("--data", data);
        var lines = new List<string>();
        while (await process.StandardOutput.ReadLineAsync(Cancellation) is { } line)
        {
            lines.Add(line);
            if (line.Contains("Ctrl-C stops everything", StringComparison.Ordinal))
            {
                break;
            }
        }

        var text = string.Join('\n', lines);
        Assert.Contains("Ctrl-C stops everything", text, StringComparison.Ordinal);
        var ids = System.Text.RegularExpressions.Regex.Matches(text, @"\(process (\d+)\)").Select(match => int.Parse(match.Groups[1].Value, null)).ToList();
        Assert.Equal(2, ids.Count);
        Assert.All(ids, id => Assert.True(IsRunning(id)));
        var (done, answer, errors) = await RunLocalAsync("--data", data, "ctl", "expire", "mx2.example.com", "3");
        Assert.Equal((0, "The certificate of mx2.example.com expires in 3 days. `renew mx2.example.com` fixes it.", ""), (done, answer.TrimEnd(), errors));

        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
        {
            await kill.WaitForExitAsync(Cancellation);
        }

        var rest = process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("Stopping", await rest, StringComparison.Ordinal);
        Assert.All(ids, id => Assert.False(IsRunning(id)));
        (done, answer, _) = await RunLocalAsync("--data", data, "ctl", "hosts");
        Assert.Equal((1, true), (done, answer.StartsWith("No local system runs on", StringComparison.Ordinal)));
        Directory.Delete(data, recursive: true);
    }

    private static bool IsRunning(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static async Task<WebApplication> StartIngestionAsync(Action<string> onBody)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var ingestion = builder.Build();
        ingestion.Run(async context =>
        {
            Stream body = context.Request.Headers.ContentEncoding == "gzip"
                ? new System.IO.Compression.GZipStream(context.Request.Body, System.IO.Compression.CompressionMode.Decompress)
                : context.Request.Body;
            using var reader = new StreamReader(body);
            var text = await reader.ReadToEndAsync(context.RequestAborted);
            onBody(text);
            var items = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync($$"""{"itemsReceived":{{items}},"itemsAccepted":{{items}},"errors":[]}""", context.RequestAborted);
        });
        await ingestion.StartAsync(Cancellation);
        return ingestion;
    }

    private Process StartLocal(params string[] arguments)
    {
        // What a shell starts in its background ignores SIGINT, and all that comes of it does.
        string[] dotnet = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT", "dotnet"] : ["dotnet"];
        return Process.Start(new ProcessStartInfo(dotnet[0], [.. dotnet[1..], "exec", typeof(LocalSystem).Assembly.Location, "--app", app.Folder, "--command-root", app.CommandFolder, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private async Task<(int Code, string Output, string Errors)> RunLocalAsync(params string[] arguments)
    {
        using var process = StartLocal(arguments);
        return await EndAsync(process);
    }

    // Started as the host starts it, but for the host.
    private async Task<(int Code, string Output, string Errors)> RunAsync(Dictionary<string, string> settings)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(app.Folder, "StsFunctions.dll"), "--functions-uri", "http://127.0.0.1:9/", "--functions-worker-id", "1", "--functions-request-id", "1", "--functions-grpc-max-message-length", "2147483647"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = app.Folder,
        };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        return await EndAsync(process);
    }

    private static async Task<(int Code, string Output, string Errors)> EndAsync(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync(Cancellation);
        var errors = process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        return (process.ExitCode, await output, await errors);
    }
}
