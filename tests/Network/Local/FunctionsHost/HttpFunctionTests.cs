using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class HttpFunctionTests(HttpFunctionTests.Running running) : IClassFixture<HttpFunctionTests.Running>, IAsyncLifetime
{
    private const string Policy = "/.well-known/mta-sts.txt";
    private const int Mebibyte = 1024 * 1024;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        running.App.Respond = _ => Task.FromResult(new Instruction());
        running.Invocations.Clear();
        Assert.Equal(0, running.App.Waiting);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task The_app_gets_the_host_of_the_client_and_no_forged_header()
    {
        var answer = await RawAsync($"GET {Policy}?a=1&a=2&b=%20x HTTP/1.1\r\nHost: mta-sts.example.com:8443\r\nX-Forwarded-Host: forged.example\r\nX-Forwarded-For: 192.0.2.1\r\nCookie: a=b; c=d\r\nIf-None-Match: \"abc\"\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        var call = await running.App.NextAsync();
        Assert.Equal(("Policy", "GET", $"{Policy}?a=1&a=2&b=%20x"), (call.Function, call.Method, call.Target));
        Assert.Equal(("a=b; c=d", "\"abc\""), (call.Header("Cookie"), call.Header("If-None-Match")));
        Assert.DoesNotContain(call.Headers, header => header.Value.Contains("forged.example", StringComparison.Ordinal) || header.Value.Contains("192.0.2.1", StringComparison.Ordinal));
        Assert.Equal(call.InvocationId, call.Header("x-ms-invocation-id"));
        Assert.Equal(("mta-sts.example.com:8443", "http", "127.0.0.1"), (call.Header("X-Forwarded-Host") ?? call.Data["Host"], call.Data["Scheme"], call.Data["Remote"]));
    }

    [Fact]
    public async Task The_response_has_the_status_and_headers_of_the_app()
    {
        running.App.Respond = _ => Task.FromResult(new Instruction
        {
            Status = 404,
            Headers = new Dictionary<string, string> { ["Content-Type"] = "text/plain", ["ETag"] = "\"e\"", ["Cache-Control"] = "max-age=60" },
            Body = "none",
        });
        using var answer = await running.Client.GetAsync(Policy, Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal(("\"e\"", "max-age=60", "text/plain"), (answer.Headers.ETag!.Tag, answer.Headers.CacheControl!.ToString(), answer.Content.Headers.ContentType!.ToString()));
        Assert.Equal("none", await answer.Content.ReadAsStringAsync(Cancellation));
        await running.App.NextAsync();
        await running.Host.WhenIdleAsync(false, Cancellation);
        var invocation = Assert.Single(running.Invocations);
        Assert.Equal(("Policy", true, 404, null), (invocation.Function, invocation.Succeeded, invocation.HttpStatus, invocation.Error));
    }

    [Fact]
    public async Task A_304_response_has_no_body()
    {
        running.App.Respond = _ => Task.FromResult(new Instruction { Status = 304, Headers = new Dictionary<string, string> { ["ETag"] = "\"e\"" } });
        using var answer = await running.Client.GetAsync(Policy, Cancellation);
        Assert.Equal((HttpStatusCode.NotModified, "\"e\"", 0), (answer.StatusCode, answer.Headers.ETag!.Tag, (await answer.Content.ReadAsByteArrayAsync(Cancellation)).Length));
        await running.App.NextAsync();
    }

    [Fact]
    public async Task HEAD_has_the_Content_Length_of_the_app()
    {
        running.App.Respond = _ => Task.FromResult(new Instruction { Headers = new Dictionary<string, string> { ["Content-Length"] = "123" } });
        using var request = new HttpRequestMessage(HttpMethod.Head, Policy);
        using var answer = await running.Client.SendAsync(request, Cancellation);
        Assert.Equal((HttpStatusCode.OK, 123L), (answer.StatusCode, answer.Content.Headers.ContentLength));
        await running.App.NextAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ten_megabytes_pass_in_both_directions(bool isChunked)
    {
        running.App.Respond = _ => Task.FromResult(new Instruction { Chunked = 10 * Mebibyte });
        using var request = new HttpRequestMessage(HttpMethod.Post, "echo/large") { Content = new ByteArrayContent(new byte[10 * Mebibyte]) };
        request.Headers.TransferEncodingChunked = isChunked;
        using var answer = await running.Client.SendAsync(request, Cancellation);
        Assert.Equal(10 * Mebibyte, (await answer.Content.ReadAsByteArrayAsync(Cancellation)).Length);
        Assert.Equal(10 * Mebibyte, (await running.App.NextAsync()).Length);
    }

    [Fact]
    public async Task A_response_of_unknown_length_reaches_the_client_while_it_is_written()
    {
        // More than what any buffer between holds, with a client that reads nothing before the headers are there.
        running.App.Respond = _ => Task.FromResult(new Instruction { Chunked = 20 * Mebibyte });
        using var answer = await running.Client.GetAsync("echo/stream", HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await running.App.NextAsync();
        Assert.Empty(running.Invocations);
        Assert.Equal(20 * Mebibyte, (await answer.Content.ReadAsByteArrayAsync(Cancellation)).Length);
        await running.Host.WhenIdleAsync(false, Cancellation);
        Assert.True(Assert.Single(running.Invocations).Succeeded);
    }

    [Fact]
    public async Task A_body_beyond_100_mebibytes_is_refused()
    {
        var answer = await RawAsync($"POST /echo/huge HTTP/1.1\r\nHost: x\r\nContent-Length: {(100 * Mebibyte) + 1}\r\n\r\n");
        Assert.Matches("^HTTP/1.1 (413|500) ", answer);
        Assert.Equal(0, running.App.Waiting);
    }

    [Theory]
    [InlineData("GET", "/.WELL-known/MTA-sts.txt/")]
    [InlineData("HEAD", "/.well-known/mta-sts.txt")]
    [InlineData("GET", "/echo/Some/Thing?q=a&q=b")]
    [InlineData("PATCH", "/ECHO/example.com/")]
    [InlineData("DELETE", "/echo/")]
    [InlineData("GET", "/echo")]
    public async Task A_route_matches_without_case_and_with_a_trailing_slash(string method, string target)
    {
        Assert.StartsWith("HTTP/1.1 200 ", await RawAsync($"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), StringComparison.Ordinal);
        Assert.Equal((method, target), ((await running.App.NextAsync()) is var call ? call.Method : null, call.Target));
    }

    [Theory]
    [InlineData("GET", "/.well-known/other")]
    [InlineData("POST", Policy)]
    [InlineData("POST", "/Policy")]
    [InlineData("GET", "/echos")]
    [InlineData("GET", "/x/echo/y")]
    [InlineData("GET", "/api/echo")]
    [InlineData("GET", "/admin/functions/Echo/x")]
    public async Task A_path_without_a_route_is_404_at_the_host(string method, string target)
    {
        Assert.StartsWith("HTTP/1.1 404 ", await RawAsync($"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), StringComparison.Ordinal);
        Assert.Equal(0, running.App.Waiting);
    }

    [Fact]
    public async Task A_request_without_Host_never_reaches_the_app()
    {
        Assert.StartsWith("HTTP/1.1 500 ", await RawAsync($"GET {Policy} HTTP/1.0\r\n\r\n"), StringComparison.Ordinal);
        Assert.Equal(0, running.App.Waiting);
    }

    [Fact]
    public async Task The_home_page_is_that_of_the_host()
    {
        using var answer = await running.Client.GetAsync("/", Cancellation);
        Assert.Equal((HttpStatusCode.OK, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType!.ToString()));
        Assert.Equal(0, running.App.Waiting);
    }

    [Fact]
    public async Task An_exception_of_a_function_is_500()
    {
        running.App.Respond = _ => Task.FromResult(new Instruction { Throw = "on demand" });
        using var answer = await running.Client.GetAsync(Policy, Cancellation);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        await running.App.NextAsync();
        await running.Host.WhenIdleAsync(false, Cancellation);
        var invocation = Assert.Single(running.Invocations);
        Assert.Equal((false, 500), (invocation.Succeeded, invocation.HttpStatus));
        Assert.Contains("on demand", invocation.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Concurrent_requests_share_one_stream_and_get_their_own_responses()
    {
        running.App.Respond = call => Task.FromResult(new Instruction { Body = call.Target });
        await Task.WhenAll(Enumerable.Range(0, 300).Select(async n =>
        {
            var path = $"/echo/{n}";
            Assert.Equal(path, await running.Client.GetStringAsync(path, Cancellation));
        }));
        for (var n = 0; n < 300; n++)
        {
            await running.App.NextAsync();
        }

        await running.Host.WhenIdleAsync(false, Cancellation);
        Assert.Equal((300, 300), (running.Invocations.Count, running.Invocations.Select(invocation => invocation.Id).Distinct().Count()));
        Assert.All(running.Invocations, invocation => Assert.True(invocation.Succeeded));
    }

    [Fact]
    public async Task A_client_that_disconnects_cancels_its_invocation()
    {
        running.App.Respond = _ => Task.FromResult(new Instruction { Hang = true });
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var asking = running.Client.GetAsync(Policy, leaving.Token);
        await running.App.NextAsync();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        await running.Host.WhenIdleAsync(false, Cancellation);
        Assert.False(Assert.Single(running.Invocations).Succeeded);
    }

    [Fact]
    public async Task A_worker_that_dies_fails_only_the_request_in_flight()
    {
        running.App.Respond = call => Task.FromResult(call.Target == "/echo/kill" ? new Instruction { Hang = true } : new Instruction { Body = "alive" });
        var asking = running.Client.GetAsync("echo/kill", Cancellation);
        await running.App.NextAsync();
        running.Host.KillWorker();
        // It waits for the next worker, as it does in Azure.
        Assert.Equal("alive", await running.Client.GetStringAsync("echo/next", Cancellation));
        using var answer = await asking;
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        await running.App.NextAsync();
    }

    [Fact]
    public async Task A_worker_that_is_killed_at_any_time_leaves_no_request_without_a_response()
    {
        running.App.Respond = call => Task.FromResult(new Instruction { Body = call.Target });
        using var enough = new CancellationTokenSource();
        var (served, refused, cutOff) = (0, 0, 0);
        var clients = Enumerable.Range(0, 8).Select(n => Task.Run(async () =>
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                var path = $"/echo/{n}-{i}";
                try
                {
                    using var answer = await running.Client.GetAsync(path, Cancellation);
                    if (answer.StatusCode == HttpStatusCode.OK)
                    {
                        Assert.Equal(path, await answer.Content.ReadAsStringAsync(Cancellation));
                        Interlocked.Increment(ref served);
                    }
                    else
                    {
                        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
                        Interlocked.Increment(ref refused);
                    }
                }
                catch (HttpRequestException)
                {
                    // Killed in the middle of its response: the client learns it at once, by a connection that ends.
                    Interlocked.Increment(ref cutOff);
                }
            }
        })).ToList();
        for (var kill = 0; kill < 8; kill++)
        {
            await running.Host.WaitForWorkerAsync(Cancellation);
            var until = Volatile.Read(ref served) + 1 + (kill * 3);
            while (Volatile.Read(ref served) < until && !clients.Exists(client => client.IsFaulted))
            {
                await Task.Yield();
            }
            // By the host, and from outside.
            if (kill % 2 == 0)
            {
                running.Host.KillWorker();
            }
            else if (running.Host.WorkerProcessId is { } id)
            {
                ProcessTree.Kill(id);
            }
        }

        await enough.CancelAsync();
        await Task.WhenAll(clients);
        await running.Host.WhenIdleAsync(false, Cancellation);
        while (running.App.Waiting > 0)
        {
            await running.App.NextAsync();
        }

        Assert.Equal(served + refused + cutOff, running.Invocations.Count);
        // A worker can be killed between its response to the client and its message to the host.
        Assert.InRange(running.Invocations.Count(invocation => !invocation.Succeeded), refused, served + refused + cutOff - 1);
    }

    [Fact]
    public async Task A_certificate_is_chosen_by_server_name_and_an_unknown_name_fails_the_handshake()
    {
        Assert.Equal("CN=mta-sts.example.com", await HandshakeAsync("mta-sts.example.com"));
        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync("other.example.com"));

        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = { TargetHost = "mta-sts.example.com", RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=mta-sts.example.com" } });
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(running.Host.HttpsAddress!, "echo/tls")) { Headers = { Host = "mta-sts.example.com" }, Content = new ByteArrayContent(new byte[Mebibyte]) };
        using var answer = await client.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var call = await running.App.NextAsync();
        Assert.Equal(("https", "mta-sts.example.com", Mebibyte), (call.Data["Scheme"], call.Header("X-Forwarded-Host") ?? call.Data["Host"], call.Length));
    }

    [Theory]
    [InlineData(null, 401)]
    [InlineData("wrong", 401)]
    [InlineData("secret", 202)]
    public async Task The_admin_API_requires_the_key(string? key, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "admin/functions/tick") { Content = JsonContent.Create(new { input = "" }) };
        if (key is not null)
        {
            request.Headers.Add("x-functions-key", key);
        }

        using var answer = await running.Client.SendAsync(request, Cancellation);
        Assert.Equal(status, (int)answer.StatusCode);
        if (status == 202)
        {
            Assert.Equal("Tick", (await running.App.NextAsync()).Function);
        }

        await running.Host.WhenIdleAsync(false, Cancellation);
        Assert.Equal(status == 202 ? 1 : 0, running.Invocations.Count);
    }

    [Theory]
    [InlineData("Nobody", """{"input":""}""", 404)]
    [InlineData("Tick", "", 400)]
    [InlineData("Tick", "null", 400)]
    public async Task The_admin_API_says_which_requests_it_does_not_support(string function, string body, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"admin/functions/{function}") { Content = new StringContent(body, Encoding.UTF8, "application/json"), Headers = { { "x-functions-key", "secret" } } };
        using var answer = await running.Client.SendAsync(request, Cancellation);
        Assert.Equal(status, (int)answer.StatusCode);
    }

    private async Task<string> RawAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(running.Host.HttpAddress.Host, running.Host.HttpAddress.Port, Cancellation);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Cancellation);
        using var reader = new StreamReader(stream);
        return await reader.ReadLineAsync(Cancellation) ?? "";
    }

    private async Task<string> HandshakeAsync(string name)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(running.Host.HttpsAddress!.Host, running.Host.HttpsAddress.Port, Cancellation);
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = name, RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=mta-sts.example.com" }, Cancellation);
        return tls.RemoteCertificate!.Subject;
    }

    /// <summary>One worker for all of them.</summary>
    public sealed class Running : IAsyncLifetime
    {
        private X509Certificate2? _certificate;

        internal ProbeApp App { get; private set; } = null!;

        internal FunctionsHostEmulator Host { get; private set; } = null!;

        public HttpClient Client { get; private set; } = null!;

        public ConcurrentQueue<Invocation> Invocations { get; } = [];

        public ConcurrentQueue<HostLog> Log { get; } = [];

        public async ValueTask InitializeAsync()
        {
            using var key = RSA.Create(2048);
            using var made = new CertificateRequest("CN=mta-sts.example.com", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            _certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
            var context = SslStreamCertificateContext.Create(_certificate, null, offline: true);
            App = await ProbeApp.CreateAsync();
            Host = await App.StartAsync(options => options with
            {
                CertificateFor = name => name == "mta-sts.example.com" ? context : null,
                AdminKey = "secret",
                OnLog = Log.Enqueue,
                OnInvocation = Invocations.Enqueue,
            });
            Client = new HttpClient { BaseAddress = Host.HttpAddress };
        }

        public async ValueTask DisposeAsync()
        {
            Client.Dispose();
            await Host.DisposeAsync();
            await App.DisposeAsync();
            _certificate!.Dispose();
        }
    }
}
