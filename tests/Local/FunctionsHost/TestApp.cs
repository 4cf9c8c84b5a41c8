using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

/// <summary>How the test's handler answers; <see cref="Exit"/> ends its process instead.</summary>
public sealed record Answer(int Status = 200, string? ContentType = "application/json", string Body = "{}", int? Exit = null)
{
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}

/// <summary>An app whose handler is a small script: it shows each request to the test, and answers what the test says.</summary>
internal sealed class TestApp : IAsyncDisposable
{
    private const string Script = """
        import { createServer } from 'node:http';
        if (process.env.TEST_EXIT) process.exit(Number(process.env.TEST_EXIT));
        process.stdout.write('out: ' + process.cwd() + '\n');
        process.stderr.write('err: broken\n');
        process.stderr.write('a warning\n');
        const ask = async (path, body) => (await fetch(process.env.TEST_SINK + path, { method: 'POST', body })).json();
        createServer(async (request, response) => {
          const chunks = [];
          for await (const chunk of request) chunks.push(chunk);
          if (request.url === '/') return response.end();
          const headers = [];
          for (let i = 0; i < request.rawHeaders.length; i += 2) headers.push([request.rawHeaders[i], request.rawHeaders[i + 1]]);
          const answer = await ask('/', JSON.stringify({ method: request.method, target: request.url, headers, body: Buffer.concat(chunks).toString('utf8') }));
          if (answer.Exit !== null) process.exit(answer.Exit);
          for (const [name, value] of Object.entries(answer.Headers)) response.setHeader(name, value);
          if (answer.ContentType) response.setHeader('Content-Type', answer.ContentType);
          response.writeHead(answer.Status);
          response.end(request.method === 'HEAD' ? '' : answer.Body);
        }).listen(process.env.TEST_SILENT ? 0 : Number(process.env.FUNCTIONS_CUSTOMHANDLER_PORT), '127.0.0.1');
        """;

    private readonly Channel<RecordedRequest> _requests = Channel.CreateUnbounded<RecordedRequest>();
    private readonly WebApplication _sink;

    private TestApp(WebApplication sink) => _sink = sink;

    public string Root { get; } = Directory.CreateTempSubdirectory("stsfunctions-host-").FullName;

    /// <summary>What the handler does with a request; may wait.</summary>
    public Func<RecordedRequest, Task<Answer>> Respond { get; set; } = _ => Task.FromResult(new Answer());

    public JsonObject HostJson { get; } = JsonNode.Parse("""
        {
          "version": "2.0", // the host allows comments
          "customHandler": {
            "description": { "defaultExecutablePath": "node", "arguments": ["handler.mjs"] },
            "enableProxyingHttpRequest": true,
            "enableForwardingHttpRequest": true
          },
          "extensions": { "http": { "routePrefix": "" }, "queues": { "maxDequeueCount": 3, "visibilityTimeout": "01:00:00" } }
        }
        """, documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip })!.AsObject();

    public static async Task<TestApp> CreateAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var sink = builder.Build();
        var app = new TestApp(sink);
        sink.Run(app.SinkAsync);
        await sink.StartAsync();
        await File.WriteAllTextAsync(Path.Combine(app.Root, "handler.mjs"), Script);
        return app;
    }

    public TestApp Http(string name, string route, params string[] methods) => Function(name, new JsonArray(
        new JsonObject
        {
            ["type"] = "httpTrigger",
            ["direction"] = "in",
            ["name"] = "req",
            ["authLevel"] = "anonymous",
            ["route"] = route,
            ["methods"] = new JsonArray([.. methods.Select(m => JsonValue.Create(m))]),
        },
        new JsonObject { ["type"] = "http", ["direction"] = "out", ["name"] = "res" }));

    public TestApp Timer(string name, string schedule) => Function(name, new JsonArray(
        new JsonObject { ["type"] = "timerTrigger", ["direction"] = "in", ["name"] = "timer", ["schedule"] = schedule }));

    public TestApp Queue(string name, string queue) => Function(name, new JsonArray(
        new JsonObject { ["type"] = "queueTrigger", ["direction"] = "in", ["name"] = "msg", ["queueName"] = queue, ["connection"] = "AzureWebJobsStorage" }));

    public TestApp Function(string name, JsonArray bindings)
    {
        Directory.CreateDirectory(Path.Combine(Root, name));
        File.WriteAllText(Path.Combine(Root, name, "function.json"), new JsonObject { ["bindings"] = bindings }.ToJsonString());
        return this;
    }

    public Task<StandInHost> StartAsync(Func<StandInHostOptions, StandInHostOptions>? change = null, params (string Name, string Value)[] settings)
    {
        File.WriteAllText(Path.Combine(Root, "host.json"), HostJson.ToJsonString());
        var all = settings.ToDictionary(s => s.Name, s => s.Value);
        all["TEST_SINK"] = _sink.Urls.Single();
        var options = new StandInHostOptions { AppRoot = Root, Settings = all, RunTimers = false, QueuePollInterval = TimeSpan.FromMilliseconds(20) };
        return StandInHost.StartAsync(change?.Invoke(options) ?? options, TestContext.Current.CancellationToken);
    }

    /// <summary>The next request that the handler received.</summary>
    public ValueTask<RecordedRequest> NextAsync() => _requests.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>How many requests were received and not yet taken.</summary>
    public int Waiting => _requests.Reader.Count;

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _sink.StopAsync(now.Token);
        await _sink.DisposeAsync();
        Directory.Delete(Root, recursive: true);
    }

    private async Task SinkAsync(HttpContext context)
    {
        using var seen = await JsonDocument.ParseAsync(context.Request.Body);
        var request = new RecordedRequest(
            seen.RootElement.GetProperty("method").GetString()!,
            seen.RootElement.GetProperty("target").GetString()!,
            [.. seen.RootElement.GetProperty("headers").EnumerateArray().Select(pair => KeyValuePair.Create(pair[0].GetString()!, pair[1].GetString()!))],
            seen.RootElement.GetProperty("body").GetString()!);
        await _requests.Writer.WriteAsync(request);
        await context.Response.WriteAsync(JsonSerializer.Serialize(await Respond(request)));
    }
}
