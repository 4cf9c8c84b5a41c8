using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class HttpFunctionTests
{
    private static readonly string[] VaryingHeaders = ["X-Azure-Functions-InvocationId", "x-ms-invocation-id", "X-Azure-Functions-HostVersion"];

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("http-get-policy.proxying.http", "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.com\r\nAccept: */*\r\nUser-Agent: curl/7.88.1\r\n\r\n")]
    [InlineData("http-head-policy.proxying.http", "HEAD /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.com\r\nAccept: */*\r\nUser-Agent: curl/7.88.1\r\nX-Forwarded-Host: spoofed.example\r\nX-Azure-Functions-InvocationId: spoofed\r\n\r\n")]
    [InlineData("http-post-chunked.proxying.headers", "POST /v1/tlsrpt HTTP/1.1\r\nHost: 127.0.0.1:7171\r\nAccept: */*\r\nUser-Agent: curl/7.88.1\r\nContent-Type: application/tlsrpt+gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]
    public async Task A_proxied_request_arrives_as_the_real_host_sends_it(string file, string request)
    {
        await using var app = await PolicyAppAsync();
        await using var host = await app.StartAsync();
        var answer = await RawAsync(host.HttpAddress, request);
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        var sent = await app.NextAsync();
        AssertSame(RecordedRequest.Capture(file), sent, host);
        Assert.Equal(file.Contains("post", StringComparison.Ordinal) ? "hello" : "", sent.Body);
        Assert.True(Guid.TryParse(sent.Header("X-Azure-Functions-InvocationId"), out var id));
        Assert.Equal(id.ToString(), sent.Header("x-ms-invocation-id"));
    }

    [Fact]
    public async Task A_forwarded_request_arrives_as_the_real_host_sends_it()
    {
        await using var app = await PolicyAppAsync();
        await using var host = await app.StartAsync(options => options with { OlderHost = true });
        await RawAsync(host.HttpAddress, "GET /.well-known/mta-sts.txt?a=1&a=2&b=%20x&c=%2F%20y HTTP/1.1\r\nHost: mta-sts.example.com\r\nAccept: */*\r\nUser-Agent: curl/7.88.1\r\n" +
            "Accept-Encoding: gzip, br\r\nCookie: a=b; c=d\r\nIf-None-Match: \"abc\"\r\nX-Forwarded-For: 1.2.3.4:555\r\nX-Forwarded-Proto: https\r\nX-Original-Host: foo.example\r\nX-Azure-Functions-InvocationId: spoofed\r\n\r\n");
        var sent = await app.NextAsync();
        AssertSame(RecordedRequest.Capture("http-get-policy.forwarding.http"), sent, host);
        Assert.StartsWith("spoofed, ", sent.Header("X-Azure-Functions-InvocationId"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_answer_comes_back_with_its_status_and_headers(bool olderHost)
    {
        await using var app = await PolicyAppAsync();
        app.Respond = _ => Task.FromResult(new Answer(404, "text/plain", "none") { Headers = new Dictionary<string, string> { ["ETag"] = "\"e\"", ["Cache-Control"] = "max-age=60" } });
        await using var host = await app.StartAsync(options => options with { OlderHost = olderHost });
        using var client = new HttpClient { BaseAddress = host.HttpAddress };
        using var answer = await client.GetAsync(new Uri(".well-known/mta-sts.txt", UriKind.Relative), Now);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("\"e\"", answer.Headers.ETag!.Tag);
        Assert.Equal("max-age=60", answer.Headers.CacheControl!.ToString());
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal("none", await answer.Content.ReadAsStringAsync(Now));
    }

    [Theory]
    [InlineData("GET", "/.WELL-known/MTA-sts.txt/", "/.WELL-known/MTA-sts.txt/")]
    [InlineData("GET", "/api/Some/Thing%2Fhere?q=a&q=b", "/api/Some/Thing%252Fhere?q=a&q=b")]
    [InlineData("PATCH", "/API/domains/example.com/", "/API/domains/example.com/")]
    [InlineData("DELETE", "/api/", "/api/")]
    [InlineData("GET", "/api", "/api")]
    public async Task A_route_is_matched_loosely_and_the_handler_sees_the_original(string method, string target, string seen)
    {
        await using var app = await PolicyAppAsync();
        await using var host = await app.StartAsync();
        await RawAsync(host.HttpAddress, $"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(seen, (await app.NextAsync()).Target);
    }

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/.well-known/other")]
    [InlineData("POST", "/.well-known/mta-sts.txt")]
    [InlineData("GET", "/v1/tlsrpt")]
    [InlineData("POST", "/ServePolicy")]
    [InlineData("GET", "/apis")]
    [InlineData("GET", "/x/api/domains")]
    public async Task Anything_else_is_404_at_the_host(string method, string target)
    {
        await using var app = await PolicyAppAsync();
        await using var host = await app.StartAsync();
        Assert.StartsWith("HTTP/1.1 404 ", await RawAsync(host.HttpAddress, $"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), StringComparison.Ordinal);
        Assert.Equal(0, app.Waiting);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")]
    [InlineData("Content-Type: odd\r\nContent-Length: 2\r\n\r\n{}")]
    public async Task A_forwarding_host_fails_on_a_chunked_request_and_on_an_odd_content_type(string rest)
    {
        await using var app = await PolicyAppAsync();
        await using var host = await app.StartAsync(options => options with { OlderHost = true });
        Assert.StartsWith("HTTP/1.1 500 ", await RawAsync(host.HttpAddress, $"POST /v1/tlsrpt HTTP/1.1\r\nHost: x\r\n{rest}"), StringComparison.Ordinal);
        Assert.Equal(0, app.Waiting);
    }

    [Fact]
    public async Task A_GET_that_meets_a_crash_is_replayed_to_the_next_handler()
    {
        await using var app = await PolicyAppAsync();
        var calls = 0;
        app.Respond = _ => Task.FromResult(Interlocked.Increment(ref calls) == 1 ? new Answer(Exit: 3) : new Answer(Body: "again"));
        await using var host = await app.StartAsync();
        using var client = new HttpClient { BaseAddress = host.HttpAddress };
        // The replays end after two seconds; a slow machine may need longer than that to start the handler.
        HttpResponseMessage answer;
        do
        {
            answer = await client.GetAsync(new Uri(".well-known/mta-sts.txt", UriKind.Relative), Now);
        }
        while (answer.StatusCode == HttpStatusCode.InternalServerError && calls < 2);
        Assert.Equal("again", await answer.Content.ReadAsStringAsync(Now));
        Assert.Equal(2, calls);
        answer.Dispose();
    }

    [Fact]
    public async Task A_forwarding_host_answers_500_to_a_GET_that_meets_a_crash()
    {
        await using var app = await PolicyAppAsync();
        app.Respond = _ => Task.FromResult(new Answer(Exit: 3));
        await using var host = await app.StartAsync(options => options with { OlderHost = true });
        Assert.StartsWith("HTTP/1.1 500 ", await RawAsync(host.HttpAddress, "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: x\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_is_chosen_by_server_name_and_none_refuses_the_handshake()
    {
        using var key = RSA.Create(2048);
        var certificate = new CertificateRequest("CN=mta-sts.example.com", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var loaded = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
        var context = SslStreamCertificateContext.Create(loaded, null, offline: true);
        certificate.Dispose();
        await using var app = await PolicyAppAsync();
        await using var host = await app.StartAsync(options => options with { CertificateFor = name => name == "mta-sts.example.com" ? context : null });

        Assert.Equal("CN=mta-sts.example.com", await HandshakeAsync(host.HttpsAddress!, "mta-sts.example.com"));
        await Assert.ThrowsAnyAsync<Exception>(() => HandshakeAsync(host.HttpsAddress!, "other.example.com"));

        using var client = new HttpClient(new SocketsHttpHandler { SslOptions = { TargetHost = "mta-sts.example.com", RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=mta-sts.example.com" } });
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.HttpsAddress!, ".well-known/mta-sts.txt")) { Headers = { Host = "mta-sts.example.com" } };
        using var answer = await client.SendAsync(request, Now);
        var sent = await app.NextAsync();
        Assert.Equal(("https", "mta-sts.example.com"), (sent.Header("X-Forwarded-Proto"), sent.Header("X-Forwarded-Host")));
    }

    private static async Task<TestApp> PolicyAppAsync() =>
        (await TestApp.CreateAsync()).Http("ServePolicy", ".well-known/mta-sts.txt", "GET", "HEAD").Http("ReceiveReport", "v1/tlsrpt", "POST").Http("Api", "api/{*path}");

    private static void AssertSame(RecordedRequest expected, RecordedRequest actual, StandInHost host)
    {
        Assert.Equal((expected.Method, expected.Target), (actual.Method, actual.Target));
        Assert.Equal(Lines(expected), Lines(actual));

        IEnumerable<string> Lines(RecordedRequest request) => request.Headers
            .Where(h => !h.Key.Equals("Connection", StringComparison.OrdinalIgnoreCase))
            .Select(h => $"{h.Key}: {Value(h)}")
            .Order(StringComparer.OrdinalIgnoreCase);

        string Value(KeyValuePair<string, string> h) => VaryingHeaders.Contains(h.Key, StringComparer.OrdinalIgnoreCase) ? "<varies>"
            : h.Key == "Host" && h.Value.StartsWith("127.0.0.1:", StringComparison.Ordinal) ? $"127.0.0.1:{host.HandlerPort}"
            : h.Value.Replace("4.1037.0.0", "4.1047.0.0", StringComparison.Ordinal);
    }

    private static async Task<string> RawAsync(Uri address, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, Now);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Now);
        using var reader = new StreamReader(stream);
        return await reader.ReadLineAsync(Now) ?? "";
    }

    private static async Task<string> HandshakeAsync(Uri address, string name)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, Now);
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = name, RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == "CN=mta-sts.example.com" }, Now);
        return tls.RemoteCertificate!.Subject;
    }
}
