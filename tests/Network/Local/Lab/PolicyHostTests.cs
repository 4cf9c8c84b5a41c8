using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DnsClient;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Local.Lab;

public sealed class PolicyHostTests : IAsyncLifetime
{
    private const string Domain = "policy-elsewhere.example";
    private const string Good = "version: STSv1\r\nmode: enforce\r\nmx: mx.hosting.example\r\nmax_age: 604800\r\n";

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private MailLab _lab = null!;
    private HttpClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private PolicyHost Host => _lab.PolicyHostOf(Domain);

    public async ValueTask InitializeAsync()
    {
        _lab = await MailLab.StartAsync(_time, "app.example.net", Cancellation);
        _lab.Add(LabDomains.Get(Domain));
        _client = Client(allowAutoRedirect: false);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _lab.DisposeAsync();
    }

    [Fact]
    [Trait("Conformance", "GET-1")]
    [Trait("Conformance", "GET-2")]
    public async Task A_good_host_serves_the_policy_and_records_its_requests()
    {
        using var answer = await GetAsync();

        Assert.Equal((HttpStatusCode.OK, "text/plain; charset=utf-8"), (answer.StatusCode, answer.Content.Headers.ContentType!.ToString()));
        Assert.Equal(Good, await answer.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(Good.Length, answer.Content.Headers.ContentLength);
        Assert.Equal(
            [new PolicyRequest(_time.GetUtcNow(), $"mta-sts.{Domain}", SslProtocols.Tls13, "GET", $"mta-sts.{Domain}:{_lab.HttpsPort}", PolicyHost.WellKnownPath)],
            Host.Requests);
        Assert.Equal([$"mta-sts.{Domain}"], Host.Hellos);
    }

    [Fact]
    public async Task A_policy_host_has_its_own_address_on_the_common_port_and_DNS_names_it()
    {
        _lab.Add(LabDomains.Policies);

        var endPoints = _lab.PolicyHosts.Append(_lab.Elsewhere).Select(host => host.EndPoint).ToList();
        Assert.Equal(endPoints.Distinct(), endPoints);
        Assert.All(endPoints, endPoint => Assert.Equal(_lab.HttpsPort, endPoint.Port));
        foreach (var host in _lab.PolicyHosts)
        {
            Assert.Equal(host.EndPoint.Address, await AddressOf(host.HostName));
        }
    }

    [Theory]
    [InlineData("HTTP/1.1")]
    [InlineData("HTTP/2")]
    public async Task A_policy_host_supports_HTTP_1_1_and_HTTP_2(string version)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Url(Domain)) { Version = version == "HTTP/2" ? HttpVersion.Version20 : HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var answer = await _client.SendAsync(request, Cancellation);

        Assert.Equal(Good, await answer.Content.ReadAsStringAsync(Cancellation));
    }

    [Fact]
    public async Task HEAD_gives_the_same_headers_and_any_other_path_is_404()
    {
        using var head = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, Url(Domain)), Cancellation);
        using var other = await _client.GetAsync(new Uri(Url(Domain), "/policy.txt?x=1"), Cancellation);

        Assert.Equal((HttpStatusCode.OK, Good.Length), (head.StatusCode, head.Content.Headers.ContentLength));
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        Assert.Equal(["HEAD /.well-known/mta-sts.txt", "GET /policy.txt?x=1"], Host.Requests.Select(request => $"{request.Method} {request.Path}"));
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    [Trait("Conformance", "GET-2")]
    public async Task A_redirect_leads_to_a_host_that_records_clients_that_follow_it(int status)
    {
        Host.Script = PolicyScript.Redirects(status);

        using var answer = await GetAsync();
        Assert.Equal((status, $"https://elsewhere.hosting.example:{_lab.HttpsPort}/{Domain}.txt"), ((int)answer.StatusCode, answer.Headers.Location!.ToString()));
        Assert.Empty(_lab.Elsewhere.Requests);

        using var follower = Client(allowAutoRedirect: true);
        Assert.Equal(Good, await follower.GetStringAsync(Url(Domain), Cancellation));
        Assert.Equal($"/{Domain}.txt", Assert.Single(_lab.Elsewhere.Requests).Path);
    }

    [Fact]
    public async Task A_redirect_can_lead_to_any_URL()
    {
        Host.Script = PolicyScript.Redirects(302) with { Location = "http://127.0.0.1/" };

        using var answer = await GetAsync();

        Assert.Equal("http://127.0.0.1/", answer.Headers.Location!.ToString());
    }

    [Theory]
    [InlineData(404)]
    [InlineData(500)]
    [Trait("Conformance", "GET-2")]
    public async Task Another_status_is_sent_with_a_policy_that_does_not_count(int status)
    {
        Host.Script = PolicyScript.Answers(status);

        using var answer = await GetAsync();

        Assert.Equal((status, Good), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation)));
    }

    [Theory]
    [InlineData("text/html; charset=utf-8")]
    [InlineData("application/octet-stream")]
    [InlineData(null)]
    [Trait("Conformance", "GET-2")]
    public async Task The_media_type_can_be_wrong_or_missing(string? type)
    {
        Host.Script = PolicyScript.Good with { MediaType = type };

        using var answer = await GetAsync();

        Assert.Equal(type, answer.Content.Headers.ContentType?.ToString());
    }

    [Fact]
    public async Task The_policy_can_be_any_bytes()
    {
        Host.Script = PolicyScript.Differs;

        using var answer = await GetAsync();
        var policy = await answer.Content.ReadAsByteArrayAsync(Cancellation);

        Assert.NotEqual(Good, Encoding.UTF8.GetString(policy));
        Assert.Equal(PolicyMode.Testing, Policy.Parse(policy).Mode);
    }

    [Fact]
    [Trait("Conformance", "POL-9")]
    public async Task An_oversize_policy_is_valid_except_for_its_size()
    {
        Host.Script = PolicyScript.Oversize;

        using var answer = await _client.GetAsync(Url(Domain), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Null(answer.Content.Headers.ContentLength);
        var policy = await answer.Content.ReadAsByteArrayAsync(Cancellation);

        Assert.Equal(65_537, policy.Length);
        var text = Encoding.UTF8.GetString(policy);
        Assert.StartsWith(Good, text, StringComparison.Ordinal);
        Assert.All(text[Good.Length..].Split("\r\n"), line => Assert.Matches("^(padding: x*|p?a?d?d?i?n?g?:? ?x*)$", line));
    }

    [Fact]
    public async Task A_flood_continues_as_long_as_the_client_reads()
    {
        Host.Script = PolicyScript.Floods;

        using var answer = await _client.GetAsync(Url(Domain), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var body = await answer.Content.ReadAsStreamAsync(Cancellation);

        await body.ReadExactlyAsync(new byte[4 << 20], Cancellation);
    }

    [Fact]
    [Trait("Conformance", "GET-5")]
    public async Task A_slow_host_delays_the_first_byte_and_each_one_after_it()
    {
        var clock = new WaitingTime();
        await using var lab = await MailLab.StartAsync(clock, Cancellation);
        lab.Add(new LabDomain("slow.example", "") { PolicyHost = new() { Script = PolicyScript.Slow(TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(2)) }, Covers = ["mx.example"] });
        using var client = Client(allowAutoRedirect: false, lab);

        var policy = await client.GetStringAsync(new Uri($"https://mta-sts.slow.example:{lab.HttpsPort}{PolicyHost.WellKnownPath}"), Cancellation);

        Assert.Equal(50 + 2 * policy.Length, clock.Waited.TotalSeconds);
    }

    [Fact]
    [Trait("Conformance", "GET-5")]
    public async Task A_silent_host_keeps_the_connection_until_the_client_gives_up_or_for_five_minutes()
    {
        Host.Script = PolicyScript.Silent;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var given = _client.GetAsync(Url(Domain), timeout.Token);
        await AskedAsync(1);
        await timeout.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);

        var waiting = _client.GetAsync(Url(Domain), Cancellation);
        await AskedAsync(2);
        _time.Advance(TimeSpan.FromMinutes(5));
        await Assert.ThrowsAsync<HttpRequestException>(() => waiting);
    }

    [Fact]
    public async Task A_host_that_drops_the_connection_sends_half_of_the_announced_body()
    {
        Host.Script = PolicyScript.Good with { CutsOff = true };

        using var answer = await _client.GetAsync(Url(Domain), HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var body = await answer.Content.ReadAsStreamAsync(Cancellation);
        var half = new byte[Good.Length / 2];
        await body.ReadExactlyAsync(half, Cancellation);

        Assert.Equal(Good.Length, answer.Content.Headers.ContentLength);
        Assert.Equal(Good[..half.Length], Encoding.UTF8.GetString(half));
        await Assert.ThrowsAnyAsync<HttpIOException>(async () => await body.ReadExactlyAsync(half, Cancellation));
    }

    public static TheoryData<string, X509ChainStatusFlags, bool> Certificates => new()
    {
        { "policy-elsewhere.example", X509ChainStatusFlags.NoError, true },
        { "policy-wrong-name.example", X509ChainStatusFlags.NoError, false },
        { "policy-expired.example", X509ChainStatusFlags.NotTimeValid, true },
        { "policy-self-signed.example", X509ChainStatusFlags.UntrustedRoot, true },
        { "policy-no-intermediate.example", X509ChainStatusFlags.PartialChain, true },
    };

    [Theory]
    [MemberData(nameof(Certificates))]
    [Trait("Conformance", "GET-3")]
    public async Task A_certificate_has_the_fault_that_the_catalogue_says(string domain, X509ChainStatusFlags expected, bool hasName)
    {
        _lab.Add(LabDomains.Get(domain));

        var observed = (Status: X509ChainStatusFlags.NoError, HasName: false);
        using var handler = Handler(allowAutoRedirect: false, _lab);
        handler.SslOptions.RemoteCertificateValidationCallback = (_, leaf, chain, _) =>
        {
            var status = chain!.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
            observed = (status, ((X509Certificate2)leaf!).MatchesHostname($"mta-sts.{domain}", allowWildcards: true, allowCommonName: false));
            return true;
        };
        using var client = new HttpClient(handler);
        Assert.Equal(Good, await client.GetStringAsync(Url(domain), Cancellation));
        Assert.Equal((expected, hasName), observed);

        if ((expected, hasName) != (X509ChainStatusFlags.NoError, true))
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetStringAsync(Url(domain), Cancellation));
        }
    }

    [Fact]
    public async Task A_certificate_is_replaced_at_run_time_and_a_failed_handshake_is_recorded()
    {
        Host.Certificate = _lab.Ca.Issue(CertificateSpec.For("www.somewhere-else.example"));

        await Assert.ThrowsAsync<HttpRequestException>(GetAsync);

        Assert.Equal([$"mta-sts.{Domain}"], Host.Hellos);
        Assert.Empty(Host.Requests);
    }

    [Fact]
    public async Task A_stopped_host_refuses_and_drops_connections_and_a_started_one_accepts_them()
    {
        Host.Script = PolicyScript.Silent;
        var open = GetAsync();
        await AskedAsync(1);

        Host.Stop();

        Assert.False(Host.IsListening);
        await Assert.ThrowsAsync<HttpRequestException>(() => open);
        var refused = await Assert.ThrowsAsync<HttpRequestException>(GetAsync);
        Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(refused.InnerException).SocketErrorCode);

        Host.Script = PolicyScript.Good;
        Host.Start();
        using var back = await GetAsync();
        Assert.Equal(HttpStatusCode.OK, back.StatusCode);
    }

    [Fact]
    public async Task A_policy_moves_from_the_app_to_the_lab_and_back_at_run_time()
    {
        _lab.Add(LabDomains.Get("example.com"));
        Assert.Equal(IPAddress.Loopback, await AddressOf("mta-sts.example.com"));

        var taken = _lab.TakePolicy("example.com");
        Assert.Equal(taken.EndPoint.Address, await AddressOf("mta-sts.example.com"));
        Assert.Contains("mx: mx2.example.com\r\n", await _client.GetStringAsync(Url("example.com"), Cancellation), StringComparison.Ordinal);
        Assert.Same(taken, _lab.TakePolicy("example.com"));

        _lab.LeavePolicy("example.com");
        Assert.Equal(IPAddress.Loopback, await AddressOf("mta-sts.example.com"));
    }

    [Fact]
    public void A_policy_host_of_the_app_is_not_in_the_lab()
    {
        _lab.Add(LabDomains.Get("example.com"));

        Assert.Contains("There are: mta-sts.policy-elsewhere.example", Assert.Throws<KeyNotFoundException>(() => _lab.PolicyHostOf("example.com")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_that_are_not_TLS_harm_no_other_client()
    {
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(Host.EndPoint, Cancellation);
            await client.GetStream().WriteAsync("GET /.well-known/mta-sts.txt HTTP/1.1\r\n\r\n"u8.ToArray(), Cancellation);
            Assert.True(await EndsAsync(client.GetStream()));
        }

        using var answer = await GetAsync();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static async Task<bool> EndsAsync(NetworkStream stream)
    {
        try
        {
            var buffer = new byte[1024];
            while (await stream.ReadAsync(buffer, Cancellation) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A reset is an end too.
        }

        return true;
    }

    private Task<HttpResponseMessage> GetAsync() => _client.GetAsync(Url(Domain), Cancellation);

    private Uri Url(string domain) => new($"https://mta-sts.{domain}:{_lab.HttpsPort}{PolicyHost.WellKnownPath}");

    private async Task AskedAsync(int requests)
    {
        while (Host.Requests.Count < requests)
        {
            await Task.Delay(10, Cancellation);
        }
    }

    private Task<IPAddress> AddressOf(string name) => AddressOf(name, _lab);

    private static async Task<IPAddress> AddressOf(string name, MailLab lab) =>
        (await new LookupClient(new LookupClientOptions(lab.Dns) { UseCache = false }).QueryAsync(name, QueryType.A, cancellationToken: Cancellation)).Answers.ARecords().Single().Address;

    private HttpClient Client(bool allowAutoRedirect, MailLab? lab = null) => new(Handler(allowAutoRedirect, lab ?? _lab));

    // A plain client that finds names in the lab's DNS and trusts its CA.
    private SocketsHttpHandler Handler(bool allowAutoRedirect, MailLab lab)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = allowAutoRedirect,
            UseProxy = false,
            ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    await socket.ConnectAsync(await AddressOf(context.DnsEndPoint.Host, lab), context.DnsEndPoint.Port, cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { lab.Ca.Root },
            DisableCertificateDownloads = true,
            RevocationMode = X509RevocationMode.NoCheck,
            VerificationTime = _time.GetUtcNow().UtcDateTime,
        };
        return handler;
    }

    /// <summary>A clock whose short waits are over at once, and are added up.</summary>
    private sealed class WaitingTime : TimeProvider
    {
        private long _ticks;

        public TimeSpan Waited => new(Interlocked.Read(ref _ticks));

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime >= TimeSpan.FromMinutes(1) || dueTime < TimeSpan.Zero)
            {
                return base.CreateTimer(callback, state, dueTime, period);
            }

            Interlocked.Add(ref _ticks, dueTime.Ticks);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
