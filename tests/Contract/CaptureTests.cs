using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using StsFunctions.Domains;
using StsFunctions.Hosting;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Reports;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.Contract;

/// <summary>Every captured request of the real Functions host, sent again byte for byte to the app's server.</summary>
public sealed class CaptureTests(AzuriteFixture azurite)
{
    private static readonly byte[] PolicyFile = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmax_age: 604800\r\n"u8.ToArray();

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("queue-json-array.http", "[1,2,3]")]
    [InlineData("queue-json-object.http", """{"id":1,"domain":"example.com","n":1.5,"nested":{"a":[1,2]}}""")]
    [InlineData("queue-number.http", "42")]
    [InlineData("queue-started-by-admin.http", """{"k":"admin"}""")]
    [InlineData("queue-text.http", "plain text \"quoted\" ünï")]
    public async Task A_queue_message_arrives_as_its_sender_wrote_it(string capture, string text)
    {
        var run = await ReplayAsync(capture);

        Assert.Equal(("QueueFn", text), Assert.Single(run.Called));
        AssertDone(run.Answer);
    }

    [Theory]
    [InlineData("timer-first-run-past-due.http")]
    [InlineData("timer-started-by-admin.http")]
    [InlineData("timer-sub-minute-no-status.http")]
    public async Task A_timer_runs_its_function_once(string capture)
    {
        var run = await ReplayAsync(capture);

        Assert.Equal(("Timer", ""), Assert.Single(run.Called));
        AssertDone(run.Answer);
    }

    [Theory]
    [InlineData("eventgrid-cloudevents.http")]
    [InlineData("eventgrid-schema.http")]
    public async Task An_invocation_of_a_function_that_is_not_there_is_a_failure_that_the_host_sees(string capture)
    {
        var run = await ReplayAsync(capture);

        Assert.Empty(run.Called);
        Assert.Equal(404, run.Answer.Status);
    }

    [Theory]
    [InlineData("eventgrid-cloudevents.http")]
    [InlineData("eventgrid-schema.http")]
    public void An_event_of_either_schema_names_its_blob_in_the_subject(string capture)
    {
        using var invocation = JsonDocument.Parse(Capture.Read(capture).Body);
        var captured = invocation.RootElement.GetProperty("Data").GetProperty("ev").GetRawText();
        var subject = invocation.RootElement.GetProperty("Data").GetProperty("ev").GetProperty("subject").GetString()!;

        var event_ = captured.Replace($"\"{subject}\"", "\"/blobServices/default/containers/reports-inbox/blobs/2026-03-14/some report.json.gz\"", StringComparison.Ordinal);

        Assert.Equal("2026-03-14/some report.json.gz", ArrivalEvent.BlobName(event_).Value);
        Assert.Throws<ArrivalEventException>(() => ArrivalEvent.BlobName(captured));
    }

    [Theory]
    [InlineData("http-get-policy.proxying.http")]
    [InlineData("http-get-policy.forwarding.http")]
    [Trait("Conformance", "GET-1")]
    [Trait("Conformance", "GET-2")]
    public async Task A_policy_is_served_whichever_way_the_host_passes_the_request_on(string capture)
    {
        await using var handler = await StartWithPolicyAsync();

        var answer = await ReplayAsync(handler, Capture.Read(capture));

        Assert.Equal(200, answer.Status);
        Assert.Equal("text/plain; charset=utf-8", answer.Headers["Content-Type"]);
        Assert.Equal(PolicyFile, answer.Body);
    }

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task HEAD_has_the_headers_of_GET_and_no_body()
    {
        await using var handler = await StartWithPolicyAsync();

        var get = await ReplayAsync(handler, Capture.Read("http-get-policy.proxying.http"));
        var head = await ReplayAsync(handler, Capture.Read("http-head-policy.proxying.http"));

        Assert.Equal(200, head.Status);
        Assert.Empty(head.Body);
        Assert.Equal(get.Headers.Where(IsSteady), head.Headers.Where(IsSteady));
    }

    [Fact]
    [Trait("Conformance", "ARR-1")]
    public async Task A_chunked_report_is_stored_as_it_came()
    {
        // The client of the capture asked for 127.0.0.1:7171, so that is the app's own host here.
        await using var handler = await StartWithPolicyAsync(("Sts__AppHost", "127.0.0.1:7171"));
        var report = Gzip("""
            {"date-range":{"start-datetime":"2026-01-31T00:00:00Z","end-datetime":"2026-01-31T23:59:59Z"},"report-id":"r","policies":[
            {"policy":{"policy-type":"sts","policy-domain":"example.com"},"summary":{"total-successful-session-count":1,"total-failure-session-count":2}}]}
            """);

        var capture = Capture.Read("http-post-chunked.proxying.headers");
        var answer = await RawHttp.SendAsync(handler.EndPoint, capture.Head, report, Now);

        Assert.Equal(201, answer.Status);
        var inbox = handler.Service<Azure.Storage.Blobs.BlobServiceClient>().GetBlobContainerClient(StorageLayout.InboxContainer);
        var blob = Assert.Single(await inbox.GetBlobsAsync(cancellationToken: Now).ToListAsync(Now));
        Assert.Equal(report, (await inbox.GetBlobClient(blob.Name).DownloadContentAsync(Now)).Value.Content.ToArray());
    }

    [Fact]
    public void Every_capture_is_replayed_by_some_test_above()
    {
        var replayed = typeof(CaptureTests).GetMethods()
            .SelectMany(method => method.GetCustomAttributes(typeof(InlineDataAttribute), false).Cast<InlineDataAttribute>())
            .Select(data => data.Data[0] as string)
            .Concat(["http-head-policy.proxying.http", "http-post-chunked.proxying.headers"]);

        Assert.Equal(Capture.All, replayed.Where(name => name!.Contains('.', StringComparison.Ordinal)).Distinct().Order());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"Data":null}""")]
    [InlineData("""{"Data":{}}""")]
    [InlineData("""{"Data":{"msg":null}}""")]
    [InlineData("""{"Data":{"msg":{"id":1}}}""")]
    [InlineData("""{"Data":{"msg":"not JSON inside"}}""")]
    [InlineData("""{"Data":{"msg":""}}""")]
    [InlineData("""{"Data":{"msg":"\ud800"}}""")]
    [InlineData("""{"Data":{"other":"\"text\""}}""")]
    [InlineData("""{"Metadata":{"msg":"\"text\""}}""")]
    public async Task A_body_that_is_no_queue_invocation_fails_and_calls_nothing(string body)
    {
        var called = new ConcurrentQueue<(string, string)>();
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true", Recording(called));

        AssertFailed(await handler.InvokeAsync("QueueFn", body));
        Assert.Empty(called);
    }

    [Theory]
    [InlineData("""{"Data":{}}""")]
    [InlineData("""{"Data":{"timer":"\"text\""}}""")]
    [InlineData("""{"Data":{"timer":{"Schedule":{}}}}""")]
    public async Task A_body_that_is_no_timer_invocation_fails_and_calls_nothing(string body)
    {
        var called = new ConcurrentQueue<(string, string)>();
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true", Recording(called));

        AssertFailed(await handler.InvokeAsync("Timer", body));
        Assert.Empty(called);
    }

    [Fact]
    public async Task A_body_without_end_is_refused_at_a_bound()
    {
        var called = new ConcurrentQueue<(string, string)>();
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true", Recording(called));

        var answer = await handler.InvokeAsync("QueueFn", $$$"""{"Data":{"msg":"\"{{{new string('x', HostInvocation.MaxBytes)}}}\""}}""");

        AssertFailed(answer);
        Assert.Empty(called);
    }

    [Fact]
    public async Task What_the_message_says_of_itself_in_Metadata_is_never_read()
    {
        var called = new ConcurrentQueue<(string, string)>();
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true", Recording(called));

        var answer = await handler.InvokeAsync("QueueFn", """{"Metadata":{"msg":"\"forged\"","Data":{"msg":"\"forged\""}},"Data":{"msg":"\"true\""}}""");

        AssertDone(answer);
        Assert.Equal(("QueueFn", "true"), Assert.Single(called));
    }

    [Fact]
    public async Task A_function_that_throws_is_a_failure_with_JSON()
    {
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true", app =>
            app.MapQueue("QueueFn", (_, _, _) => throw new InvalidOperationException("secret of the inside"), "msg"));
        var capture = Capture.Read("queue-text.http");

        var answer = await ReplayAsync(handler, capture);

        AssertFailed(answer);
        Assert.DoesNotContain("secret", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_connection_carries_one_invocation_after_another()
    {
        var called = new ConcurrentQueue<(string, string)>();
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true", Recording(called));
        var capture = Capture.Read("queue-number.http");
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(handler.EndPoint, Now);
        await using var connection = new NetworkStream(socket);

        for (var n = 1; n <= 3; n++)
        {
            AssertDone(await RawHttp.SendAsync(connection, capture.Head, capture.Body, Now));
            Assert.Equal(n, called.Count);
        }

        Assert.DoesNotContain(handler.Log.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task The_readiness_probe_is_answered()
    {
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true");

        Assert.Equal(200, (await handler.SendAsync($"GET / HTTP/1.1\nHost: 127.0.0.1:{handler.EndPoint.Port}")).Status);
    }

    [Theory]
    [InlineData("CheckDomain", "message")]
    [InlineData("IngestReport", "message")]
    [InlineData("JudgeReports", "timer")]
    [InlineData("ScheduleChecks", "timer")]
    [InlineData("SendWarning", "timer")]
    [InlineData("SweepStorage", "timer")]
    public void Every_function_json_names_the_binding_that_the_handler_reads(string function, string binding)
    {
        var path = Path.Combine(RepositoryRoot(), "functions", function, "function.json");
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));

        Assert.Equal(binding, Assert.Single(json.RootElement.GetProperty("bindings").EnumerateArray()).GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("CheckDomain", StorageLayout.ChecksQueue)]
    [InlineData("IngestReport", StorageLayout.ArrivalsQueue)]
    public void Every_queue_function_listens_where_the_app_writes(string function, string queue)
    {
        var path = Path.Combine(RepositoryRoot(), "functions", function, "function.json");
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));

        Assert.Equal(queue, json.RootElement.GetProperty("bindings")[0].GetProperty("queueName").GetString());
    }

    private static Action<IEndpointRouteBuilder> Recording(ConcurrentQueue<(string, string)> called) => app =>
    {
        app.MapQueue("QueueFn", (_, text, _) => Record("QueueFn", text), "msg");
        app.MapTimer("Timer", (_, _) => Record("Timer", ""));

        Task Record(string function, string text)
        {
            called.Enqueue((function, text));
            return Task.CompletedTask;
        }
    };

    private static async Task<(RawAnswer Answer, IReadOnlyCollection<(string, string)> Called)> ReplayAsync(string capture)
    {
        var called = new ConcurrentQueue<(string, string)>();
        await using var handler = await RunningHandler.StartAsync("UseDevelopmentStorage=true", Recording(called));
        return (await ReplayAsync(handler, Capture.Read(capture)), called);
    }

    private static Task<RawAnswer> ReplayAsync(RunningHandler handler, Capture capture) =>
        RawHttp.SendAsync(handler.EndPoint, capture.Head, capture.Body, Now);

    private async Task<RunningHandler> StartWithPolicyAsync(params (string, string)[] settings)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(DomainName.Parse("example.com"), Policy.Parse(PolicyFile), null, Now);
        return await RunningHandler.StartAsync(storage.ConnectionString, more: settings);
    }

    // The one form that the host takes for done; an empty 200 would hang the invocation.
    private static void AssertDone(RawAnswer answer)
    {
        Assert.Equal(200, answer.Status);
        Assert.Equal("application/json", answer.Headers["Content-Type"]);
        Assert.Equal("{}", answer.Text);
    }

    private static void AssertFailed(RawAnswer answer)
    {
        Assert.Equal(500, answer.Status);
        Assert.Equal("application/json", answer.Headers["Content-Type"]);
        Assert.Equal("{}", answer.Text);
    }

    private static bool IsSteady(KeyValuePair<string, string> header) => header.Key != "Date";

    private static byte[] Gzip(string text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return compressed.ToArray();
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "StsFunctions.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }
}
