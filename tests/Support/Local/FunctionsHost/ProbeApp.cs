using System.Net;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using StsFunctions.Local;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

/// <summary>What a function of the probe was called with.</summary>
internal sealed record ProbeCall(string Function, string InvocationId)
{
    public string? Method { get; init; }

    public string? Target { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public long Length { get; init; }

    public string? Text { get; init; }

    public IReadOnlyDictionary<string, string?> Data { get; init; } = new Dictionary<string, string?>();

    public string? Header(string name) => Headers.Where(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(header => header.Value).SingleOrDefault();
}

/// <summary>What the probe is to do; by default, it succeeds.</summary>
internal sealed record Instruction
{
    public int Status { get; init; } = 200;

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public string? Body { get; init; }

    /// <summary>An answer of this many bytes, without a Content-Length.</summary>
    public long Chunked { get; init; }

    public int? Exit { get; init; }

    public string? Throw { get; init; }

    /// <summary>Until the invocation is cancelled.</summary>
    public bool Hang { get; init; }

    public bool IgnoreCancel { get; init; }
}

/// <summary>The probe: an isolated worker that reports each call to the test, and follows its instructions.</summary>
internal sealed class ProbeApp : IAsyncDisposable
{
    private static readonly string Built = typeof(ProbeApp).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "HostProbe").Value!;

    private readonly Channel<ProbeCall> _calls = Channel.CreateUnbounded<ProbeCall>();
    private readonly WebApplication _sink;

    private ProbeApp(WebApplication sink) => _sink = sink;

    /// <summary>What the probe does with a call; may wait.</summary>
    public Func<ProbeCall, Task<Instruction>> Respond { get; set; } = _ => Task.FromResult(new Instruction());

    /// <summary>Its host.json.</summary>
    public JsonObject HostJson { get; } = JsonNode.Parse(File.ReadAllText(Path.Combine(Built, "host.json")))!.AsObject();

    /// <summary>The app's folder: everything but host.json as it was built.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("sts-probe-").FullName;

    public static async Task<ProbeApp> CreateAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var sink = builder.Build();
        var app = new ProbeApp(sink);
        sink.Run(app.ReceiveAsync);
        await sink.StartAsync();
        foreach (var file in Directory.EnumerateFiles(Built).Where(file => Path.GetFileName(file) != "host.json"))
        {
            Link(file, Path.Combine(app.Root, Path.GetFileName(file)));
        }

        return app;
    }

    /// <summary>What runs: the settings given, and a queue function only where there is a storage account for it.</summary>
    public FunctionsHostOptions Options(params (string Name, string Value)[] settings)
    {
        File.WriteAllText(Path.Combine(Root, "host.json"), HostJson.ToJsonString());
        var all = new Dictionary<string, string> { ["PROBE_SINK"] = _sink.Urls.Single(), ["PROBE_QUEUE"] = "unused", ["PROBE_SCHEDULE"] = "0 0 0 1 1 *" };
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        if (!all.ContainsKey("AzureWebJobsStorage"))
        {
            all["AzureWebJobs.Work.Disabled"] = "true";
        }

        return new FunctionsHostOptions { AppRoot = Root, Settings = all, RunTimers = false };
    }

    public Task<FunctionsHostEmulator> StartAsync(params (string Name, string Value)[] settings) => StartAsync(null, null, settings);

    public Task<FunctionsHostEmulator> StartAsync(
        Func<FunctionsHostOptions, FunctionsHostOptions>? change, Func<FunctionsHostEmulatorOptions, FunctionsHostEmulatorOptions>? time = null, params (string Name, string Value)[] settings)
    {
        var options = Options(settings);
        var timing = new FunctionsHostEmulatorOptions { QueuePollInterval = TimeSpan.FromMilliseconds(20), WorkerRestartDelay = TimeSpan.Zero, FatalFailure = int.MaxValue };
        return FunctionsHostEmulator.StartAsync(change?.Invoke(options) ?? options, time?.Invoke(timing) ?? timing, TestContext.Current.CancellationToken);
    }

    /// <summary>Starts a real host, if STS_HOST_COMMAND names one, or else the emulator in its own process.</summary>
    public Task<FunctionsHostProcess> StartProcessAsync(Func<FunctionsHostOptions, FunctionsHostOptions>? change, params (string Name, string Value)[] settings)
    {
        var (command, key) = (Environment.GetEnvironmentVariable("STS_HOST_COMMAND"), Environment.GetEnvironmentVariable("STS_HOST_KEY"));
        var options = Options(settings) with { AdminKey = string.IsNullOrEmpty(key) ? null : key };
        return FunctionsHostProcess.StartAsync(
            change?.Invoke(options) ?? options,
            string.IsNullOrEmpty(command) ? $"dotnet exec \"{typeof(LocalSystem).Assembly.Location}\" emulate --app \"{{app}}\" --port {{port}}" : command,
            TestContext.Current.CancellationToken);
    }

    /// <summary>The next call of a function.</summary>
    public ValueTask<ProbeCall> NextAsync() => _calls.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>How many calls are not taken yet.</summary>
    public int Waiting => _calls.Reader.Count;

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _sink.StopAsync(now.Token);
        await _sink.DisposeAsync();
        Directory.Delete(Root, recursive: true);
    }

    private static void Link(string file, string link)
    {
        if (OperatingSystem.IsWindows())
        {
            File.Copy(file, link);
        }
        else
        {
            File.CreateSymbolicLink(link, file);
        }
    }

    private async Task ReceiveAsync(HttpContext context)
    {
        var call = (await context.Request.ReadFromJsonAsync<ProbeCall>())!;
        await _calls.Writer.WriteAsync(call);
        await context.Response.WriteAsync(JsonSerializer.Serialize(await Respond(call), JsonSerializerOptions.Web));
    }
}
