using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using Xunit;

namespace StsFunctions.Tests.Egress;

/// <summary>HTTPS through the egress guard, over real sockets.</summary>
public sealed class EgressHttpTests
{
    private const string Host = "policy.example";

    private static readonly Uri Url = new($"https://{Host}/file?a=b");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_names_its_host_in_SNI_and_Host_and_adds_nothing_else()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        var server = fixture.Serve(Host, "127.0.1.1", Listener.Responding("HTTP/1.1 200 OK\nSet-Cookie: a=b\nContent-Length: 2", "ok"));
        using var activity = new Activity("a trace of our own").Start();
        using var client = fixture.Http.CreateClient();

        Assert.Equal("ok", await client.GetStringAsync(Url, Cancellation));
        Assert.Equal("ok", await client.GetStringAsync(Url, Cancellation));

        Assert.Equal([Host, Host], server.ServerNames);
        Assert.All(server.Heads, head => Assert.Equal($"GET /file?a=b HTTP/1.1\r\nHost: {Host}\r\n\r\n", head));
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_a_response_and_is_not_followed(int status)
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        fixture.Zone.Set("elsewhere.example", EgressFixture.At("127.0.1.2"));
        var elsewhere = fixture.Serve("elsewhere.example", "127.0.1.2", Listener.File("a policy"));
        fixture.Serve(Host, "127.0.1.1", Listener.Responding($"HTTP/1.1 {status} Go\nLocation: https://elsewhere.example/\nContent-Length: 0"));
        using var client = fixture.Http.CreateClient();

        using var answer = await client.GetAsync(Url, Cancellation);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(0, elsewhere.Connections);
    }

    [Fact]
    public async Task A_server_that_asks_for_credentials_gets_none()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        var server = fixture.Serve(Host, "127.0.1.1", Listener.Responding("HTTP/1.1 401 Who?\nWWW-Authenticate: Negotiate\nWWW-Authenticate: Basic realm=\"x\"\nContent-Length: 0"));
        using var client = fixture.Http.CreateClient();

        using var answer = await client.GetAsync(new Uri($"https://user:secret@{Host}/"), Cancellation);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.DoesNotContain("Authorization", Assert.Single(server.Heads), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Forbidden_addresses_are_skipped_where_others_exist()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.2.1", "10.0.0.1", "169.254.169.254", "::1", "127.0.1.1"));
        var trap = fixture.Trap("127.0.2.1");
        fixture.Serve(Host, "127.0.1.1", Listener.File("good"));
        using var client = fixture.Http.CreateClient();

        Assert.Equal("good", await client.GetStringAsync(Url, Cancellation));
        Assert.Equal(0, trap.Connections);
    }

    [Fact]
    public async Task The_error_names_the_addresses_where_all_are_forbidden()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.2.1", "168.63.129.16", "::ffff:10.0.0.1"));
        var trap = fixture.Trap("127.0.2.1");

        var refused = await RefusedAsync<AddressNotAllowedException>(fixture, Url);

        Assert.Contains("policy.example leads to 127.0.2.1, 168.63.129.16, ::ffff:10.0.0.1", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, trap.Connections);
    }

    [Fact]
    public async Task The_error_names_a_few_of_very_many_forbidden_addresses()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At([.. Enumerable.Range(0, 2_000).Select(n => $"10.0.{n / 250}.{n % 250}")]));

        var refused = await RefusedAsync<AddressNotAllowedException>(fixture, Url);

        Assert.Contains("10.0.0.7, …: none of these", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_refuses_is_skipped_and_the_error_names_each_where_all_do()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1", "127.0.1.2"));
        var refused = await RefusedAsync<HostNotReachedException>(fixture, Url);
        Assert.Matches(@"^policy\.example is not reached at port \d+: 127\.0\.1\.1: .*; 127\.0\.1\.2: .*\.$", refused.Message);

        fixture.Serve(Host, "127.0.1.2", Listener.File("good"));
        using var client = fixture.Http.CreateClient();
        Assert.Equal("good", await client.GetStringAsync(Url, Cancellation));
    }

    [Fact]
    public async Task A_dead_address_costs_five_seconds_and_not_the_whole_timeout()
    {
        var time = new FakeTimeProvider();
        await using var fixture = new EgressFixture(time);
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1", "127.0.1.2"));
        using var dead = new FullListener(IPAddress.Parse("127.0.1.1"), fixture.Egress.HttpsPort);
        fixture.Serve(Host, "127.0.1.2", Listener.File("good"));
        using var client = fixture.Http.CreateClient();
        var began = time.GetUtcNow();

        var getting = client.GetStringAsync(Url, Cancellation);
        while (!getting.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(getting, Task.Delay(TimeSpan.FromMilliseconds(20), Cancellation));
        }

        Assert.Equal("good", await getting);
        Assert.True(time.GetUtcNow() - began >= TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task At_most_a_few_of_many_addresses_are_tried()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At([.. Enumerable.Range(1, 60).Select(n => $"127.0.1.{n}")]));

        var refused = await RefusedAsync<HostNotReachedException>(fixture, Url);

        Assert.Equal(3, refused.Message.Split("127.0.1.").Length - 1);
    }

    [Theory]
    [InlineData("https://127.0.2.1/")]
    [InlineData("https://127.2.1/")]
    [InlineData("https://2130706945/")]
    [InlineData("https://0x7f000201/")]
    [InlineData("https://0177.0.2.1/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[::ffff:127.0.2.1]/")]
    [InlineData("https://[fe80::1]/")]
    [InlineData("https://168.63.129.16/")]
    [InlineData("https://0.0.0.0/")]
    public async Task An_address_in_the_URL_is_checked_as_well(string url)
    {
        await using var fixture = new EgressFixture();
        var trap = fixture.Trap("127.0.2.1");

        await RefusedAsync<AddressNotAllowedException>(fixture, new Uri(url));

        Assert.Equal((0, 0), (trap.Connections, fixture.Zone.QuestionCount));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("nobody.example")]
    [InlineData("a_b.example")]
    [InlineData("wpad")]
    public async Task A_name_is_resolved_by_the_configured_resolver_alone(string host)
    {
        await using var fixture = new EgressFixture();
        var trap = fixture.Trap("127.0.0.1");

        var refused = await RefusedAsync<HostNotReachedException>(fixture, new Uri($"https://{host}/"));

        Assert.Equal($"{host} has no address.", refused.Message);
        Assert.Equal(0, trap.Connections);
        Assert.Equal(1, fixture.Zone.QuestionsFor(host, DnsRecordType.A));
    }

    [Theory]
    [InlineData("a_b.example", true)]
    [InlineData("xn--bcher-kva.example", true)]
    [InlineData("-a.example", false)]
    public async Task An_odd_host_name_is_reached_if_a_certificate_can_be_for_it(string host, bool isReached)
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(host, EgressFixture.At("127.0.1.1"));
        fixture.Serve(host, "127.0.1.1", Listener.File("good"));
        using var client = fixture.Http.CreateClient();

        var failure = await Record.ExceptionAsync(() => client.GetStringAsync(new Uri($"https://{host}/"), Cancellation));

        Assert.True(isReached ? failure is null : failure is HttpRequestException, $"{failure}");
    }

    [Theory]
    [InlineData(DnsBehaviour.ServerFailure, "DNS does not answer for the addresses of policy.example: ")]
    [InlineData(DnsBehaviour.Refused, "DNS does not answer for the addresses of policy.example: ")]
    [InlineData(DnsBehaviour.CnameLoop, "policy.example has no address.")]
    public async Task A_DNS_failure_is_named_in_the_error(DnsBehaviour behaviour, string expected)
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Behave(Host, behaviour);

        Assert.StartsWith(expected, (await RefusedAsync<HostNotReachedException>(fixture, Url)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resolver_that_answers_with_garbage_counts_as_not_answering()
    {
        using var resolver = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var answering = AnswerWithNonsenseAsync(resolver, stop.Token);
        var egress = new EgressOptions { DnsServer = (IPEndPoint)resolver.Client.LocalEndPoint! };

        await Assert.ThrowsAsync<HostNotReachedException>(() => new DnsResolver(egress).AddressesAsync(Host, Cancellation));

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answering);
    }

    [Fact]
    public async Task A_URL_that_is_not_https_is_not_called()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        var trap = fixture.Trap("127.0.1.1");

        await RefusedAsync<HostNotReachedException>(fixture, new Uri($"http://{Host}:{fixture.Egress.HttpsPort}/"));

        Assert.Equal(0, trap.Connections);
    }

    public static TheoryData<string, CertificateSpec> BadCertificates => new()
    {
        { "another name", CertificateSpec.For("elsewhere.example") },
        { "a name below", CertificateSpec.For("www.policy.example") },
        { "a wildcard that stands for two labels", CertificateSpec.For("*.example.example") },
        { "a common name alone", new CertificateSpec { CommonName = Host } },
        { "expired", CertificateSpec.For(Host) with { NotAfterFromNow = TimeSpan.FromHours(-1) } },
        { "not begun", CertificateSpec.For(Host) with { NotBeforeFromNow = TimeSpan.FromHours(1) } },
        { "signed by itself", CertificateSpec.For(Host) with { Signer = CertificateSigner.Itself } },
        { "signed by an untrusted CA", CertificateSpec.For(Host) with { Signer = CertificateSigner.UntrustedCa } },
        { "without its intermediate", CertificateSpec.For(Host) with { Sends = SentChain.LeafOnly } },
        { "for clients", CertificateSpec.For(Host) with { ExtendedKeyUsage = CertificateSpec.ClientAuthentication } },
    };

    [Theory]
    [MemberData(nameof(BadCertificates))]
    public async Task A_server_whose_certificate_is_invalid_for_the_name_receives_no_request(string why, CertificateSpec certificate)
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        var server = fixture.Serve(Host, "127.0.1.1", Listener.File("good"), certificate);
        using var client = fixture.Http.CreateClient();

        var refused = await Record.ExceptionAsync(() => client.GetStringAsync(Url, Cancellation));

        Assert.True(refused is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError }, $"{why}: {refused}");
        Assert.Empty(server.Heads);
    }

    [Fact]
    public async Task The_addresses_in_a_certificate_are_never_called()
    {
        await using var fixture = new EgressFixture();
        var trap = fixture.Trap("127.0.0.1");
        using var root = new SelfMadeCa();
        var leaf = root.Issue(Host, $"http://127.0.0.1:{trap.EndPoint.Port}/");
        var guard = new EgressGuard(fixture.Egress with { TrustedRoots = new TrustedRoots([root.Root]) });
        using var chain = new X509Chain { ChainPolicy = guard.Trust() };

        Assert.False(chain.Build(leaf));
        Assert.Equal(0, trap.Connections);
    }

    [Fact]
    public async Task Headers_bodies_and_time_are_bounded()
    {
        await using var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        fixture.Zone.Set("body.example", EgressFixture.At("127.0.1.2"));
        fixture.Zone.Set("endless.example", EgressFixture.At("127.0.1.3"));
        fixture.Zone.Set("silent.example", EgressFixture.At("127.0.1.4"));
        fixture.Serve(Host, "127.0.1.1", Listener.Responding($"HTTP/1.1 200 OK\n{string.Concat(Enumerable.Repeat("X-Long: " + new string('x', 1000) + "\n", 20))}Content-Length: 0"));
        fixture.Serve("body.example", "127.0.1.2", Listener.File(new string('x', EgressHttp.DefaultMaxBody + 1)));
        fixture.Serve("endless.example", "127.0.1.3", async (_, stream, cancellationToken) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray(), cancellationToken);
            while (true)
            {
                await stream.WriteAsync(new byte[10_000], cancellationToken);
            }
        });
        fixture.Serve("silent.example", "127.0.1.4", (_, _, cancellationToken) => Task.Delay(System.Threading.Timeout.Infinite, cancellationToken));
        using var client = fixture.Http.CreateClient();

        Assert.Equal(TimeSpan.FromMinutes(1), client.Timeout);
        foreach (var host in new[] { Host, "body.example", "endless.example" })
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => client.GetByteArrayAsync(new Uri($"https://{host}/"), Cancellation));
        }

        using var hasty = fixture.Http.CreateClient();
        hasty.Timeout = TimeSpan.FromSeconds(2);
        await Assert.ThrowsAsync<TaskCanceledException>(() => hasty.GetByteArrayAsync(new Uri("https://silent.example/"), Cancellation));
    }

    private static async Task<TException> RefusedAsync<TException>(EgressFixture fixture, Uri url)
        where TException : Exception
    {
        using var client = fixture.Http.CreateClient();
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(url, Cancellation));
        return Assert.IsType<TException>(refused.InnerException);
    }

    private static async Task AnswerWithNonsenseAsync(UdpClient resolver, CancellationToken cancellationToken)
    {
        while (true)
        {
            var asked = await resolver.ReceiveAsync(cancellationToken);
            // The question's id and the bit that makes it an answer, and then nothing that is DNS.
            await resolver.SendAsync(new byte[] { asked.Buffer[0], asked.Buffer[1], 0x81, 0x80, 0, 1, 0xFF, 0xFF, 0, 0, 0, 0, 0xC0 }, asked.RemoteEndPoint, cancellationToken);
        }
    }

    /// <summary>A listener that accepts nothing and whose queue is full: a connection to it neither succeeds nor is refused.</summary>
    private sealed class FullListener : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly Socket _waiting = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        public FullListener(IPAddress address, int port)
        {
            _listener.Bind(new IPEndPoint(address, port));
            _listener.Listen(0);
            _waiting.Connect(_listener.LocalEndPoint!);
        }

        public void Dispose()
        {
            _waiting.Dispose();
            _listener.Dispose();
        }
    }

    /// <summary>A CA whose leaves have URLs for the rest of their chain and for revocation.</summary>
    private sealed class SelfMadeCa : IDisposable
    {
        private readonly ECDsa _rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly ECDsa _middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly ECDsa _leafKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        private readonly X509Certificate2 _middle;

        public SelfMadeCa()
        {
            Root = Authority("CN=Self-made root", _rootKey).CreateSelfSigned(Began, Ends);
            _middle = Authority("CN=Self-made middle", _middleKey).Create(Root, Began, Ends, [1]).CopyWithPrivateKey(_middleKey);
        }

        public X509Certificate2 Root { get; }

        private static DateTimeOffset Began { get; } = DateTimeOffset.UtcNow.AddDays(-1);

        private static DateTimeOffset Ends { get; } = DateTimeOffset.UtcNow.AddDays(1);

        public X509Certificate2 Issue(string host, string url)
        {
            var request = new CertificateRequest($"CN={host}", _leafKey, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension([url + "ocsp"], [url + "middle.cer"]));
            request.CertificateExtensions.Add(CertificateRevocationListBuilder.BuildCrlDistributionPointExtension([url + "revoked.crl"]));
            return request.Create(_middle, Began, Ends, [2]);
        }

        public void Dispose()
        {
            Root.Dispose();
            _middle.Dispose();
            _rootKey.Dispose();
            _middleKey.Dispose();
            _leafKey.Dispose();
        }

        private static CertificateRequest Authority(string name, ECDsa key)
        {
            var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
            return request;
        }
    }
}
