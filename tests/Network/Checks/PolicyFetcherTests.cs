using System.Text;
using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Egress;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>A policy as a sending mail server fetches it.</summary>
public sealed class PolicyFetcherTests
{
    private const string Host = "mta-sts.lab.example";
    private const string File = "version: STSv1\r\nmode: enforce\r\nmx: mx.lab.example\r\nmax_age: 604800\r\n";

    private static readonly DomainName Domain = DomainName.Parse("lab.example");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "GET-1")]
    [Trait("Conformance", "GET-2")]
    public async Task A_policy_is_fetched_from_its_one_URL_by_the_name_of_the_policy_host()
    {
        await using var fixture = Serving(Listener.File(File), out var server);

        var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);

        Assert.Equal(new Uri("https://mta-sts.lab.example/.well-known/mta-sts.txt"), fetch.Url);
        Assert.Equal((PolicyFetchOutcome.Fetched, 200, "text/plain; charset=utf-8"), (fetch.Outcome, fetch.Status, fetch.ContentType));
        Assert.Equal(File, Encoding.UTF8.GetString(fetch.Body!));
        Assert.Equal(["GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.lab.example\r\n\r\n"], server.Heads);
        Assert.Equal([Host], server.ServerNames);
    }

    [Theory]
    [Trait("Conformance", "GET-2")]
    [InlineData("HTTP/1.1 204 No Content", nameof(PolicyFetchOutcome.OtherStatus), 204)]
    [InlineData("HTTP/1.1 404 Not Found\nContent-Length: 0", nameof(PolicyFetchOutcome.OtherStatus), 404)]
    [InlineData("HTTP/1.1 503 Later\nRetry-After: 1\nContent-Length: 0", nameof(PolicyFetchOutcome.OtherStatus), 503)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0", nameof(PolicyFetchOutcome.Fetched), 200)]
    [InlineData("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 0", nameof(PolicyFetchOutcome.Fetched), 200)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 1000", nameof(PolicyFetchOutcome.ConnectionDropped), null)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 65537", nameof(PolicyFetchOutcome.ConnectionDropped), null)]
    [InlineData("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", nameof(PolicyFetchOutcome.ConnectionDropped), null)]
    [InlineData("220 mx.lab.example ESMTP", nameof(PolicyFetchOutcome.ConnectionDropped), null)]
    [InlineData("", nameof(PolicyFetchOutcome.ConnectionDropped), null)]
    public async Task The_outcome_for_every_answer_of_the_server_is_that_of_a_sender(string said, string outcome, int? status)
    {
        await using var fixture = Serving(Listener.Responding(said), out _);

        var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);

        Assert.True((fetch.Outcome.ToString(), fetch.Status) == (outcome, status), $"{fetch}");
    }

    [Fact]
    [Trait("Conformance", "GET-2")]
    public async Task A_redirect_is_observed_and_not_followed()
    {
        await using var fixture = Serving(Listener.Responding("HTTP/1.1 301 Moved\nLocation: /policy.txt\nContent-Length: 0"), out var server);

        var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);

        Assert.Equal((PolicyFetchOutcome.OtherStatus, 301, "/policy.txt"), (fetch.Outcome, fetch.Status, fetch.Location));
        Assert.Equal(1, server.Connections);
    }

    [Theory]
    [Trait("Conformance", "POL-9")]
    [InlineData(Policy.MaxBytes, nameof(PolicyFetchOutcome.Fetched))]
    [InlineData(Policy.MaxBytes + 1, nameof(PolicyFetchOutcome.TooLarge))]
    public async Task The_body_is_read_up_to_the_maximum_size_of_a_policy(int length, string outcome)
    {
        await using var fixture = Serving(Listener.File(new string('x', length)), out _);

        var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);

        Assert.Equal(outcome, fetch.Outcome.ToString());
        Assert.Equal(outcome == nameof(PolicyFetchOutcome.Fetched) ? length : null, fetch.Body?.Length);
    }

    [Fact]
    [Trait("Conformance", "POL-9")]
    public async Task A_body_without_end_is_abandoned_at_the_limit()
    {
        await using var fixture = Serving(
            async (_, stream, cancellationToken) =>
            {
                await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray(), cancellationToken);
                while (true)
                {
                    await stream.WriteAsync(new byte[10_000], cancellationToken);
                }
            },
            out _);

        Assert.Equal(PolicyFetchOutcome.TooLarge, (await fixture.Policies.FetchAsync(Domain, Cancellation)).Outcome);
    }

    public static TheoryData<CertificateSpec, string> BadCertificates => new()
    {
        { CertificateSpec.For("lab.example"), "The certificate does not name mta-sts.lab.example among its alternative names (its common name does not count)." },
        { new CertificateSpec { CommonName = Host }, "The certificate does not name mta-sts.lab.example among its alternative names (its common name does not count)." },
        { CertificateSpec.For(Host) with { NotAfterFromNow = TimeSpan.FromHours(-1) }, "The certificate is not valid: NotTimeValid." },
        { CertificateSpec.For(Host) with { Signer = CertificateSigner.Itself }, "The certificate is not valid: UntrustedRoot." },
        { CertificateSpec.For(Host) with { Sends = SentChain.LeafOnly }, "The certificate is not valid: PartialChain." },
    };

    [Theory]
    [MemberData(nameof(BadCertificates))]
    public async Task A_certificate_that_is_invalid_for_the_policy_host_fails_the_fetch_with_the_reason(CertificateSpec certificate, string why)
    {
        await using var fixture = Serving(Listener.File(File), out var server, certificate);

        var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);

        Assert.Equal((PolicyFetchOutcome.TlsFailed, why), (fetch.Outcome, fetch.Detail));
        Assert.Empty(server.Heads);
    }

    [Theory]
    [MemberData(nameof(BadCertificates))]
    [Trait("Conformance", "GET-3")]
    public async Task The_address_and_the_certificate_are_observed_also_where_TLS_fails(CertificateSpec certificate, string why)
    {
        await using var fixture = Serving(Listener.File(File), out var server, certificate);

        var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);

        Assert.Equal("127.0.1.1", fetch.Address);
        var shown = server.Certificate!;
        Assert.Equal([shown.Leaf.RawData, .. shown.Chain.Select(one => one.RawData)], fetch.Tls!.Chain);
        Assert.True(fetch.Tls.Trust is [] == !(why.Contains("UntrustedRoot", StringComparison.Ordinal) || why.Contains("PartialChain", StringComparison.Ordinal)), why);
        Assert.Equal("Tls13", fetch.Tls.Protocol);
    }

    [Fact]
    [Trait("Conformance", "GET-3")]
    public async Task The_address_and_the_TLS_session_of_a_good_policy_host_are_observed()
    {
        await using var fixture = Serving(Listener.File(File), out var server);

        var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);

        Assert.Equal(("127.0.1.1", "Tls13", 3, 0), (fetch.Address, fetch.Tls!.Protocol, fetch.Tls.Built.Count, fetch.Tls.Trust.Count));
        Assert.StartsWith("TLS_", fetch.Tls.CipherSuite, StringComparison.Ordinal);
        Assert.Equal(server.Certificate!.Leaf.RawData, fetch.Tls.Chain[0]);
    }

    [Fact]
    [Trait("Conformance", "GET-5")]
    public async Task A_policy_that_times_out_is_observed_with_the_address_of_its_server()
    {
        await using var fixture = Serving((_, _, cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken), out _);

        var fetch = await fixture.PoliciesWithin(TimeSpan.FromSeconds(3)).FetchAsync(Domain, Cancellation);

        Assert.Equal((PolicyFetchOutcome.TimedOut, "no whole answer in 3 s"), (fetch.Outcome, fetch.Detail));
    }

    [Fact]
    public async Task A_policy_host_without_an_address_or_without_a_server_is_unreachable()
    {
        await using var fixture = new EgressFixture();
        Assert.Equal((PolicyFetchOutcome.NotReached, "mta-sts.lab.example has no address."), await FetchAsync());

        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        var (outcome, detail) = await FetchAsync();
        Assert.Equal(PolicyFetchOutcome.NotReached, outcome);
        Assert.Contains("127.0.1.1", detail, StringComparison.Ordinal);

        async Task<(PolicyFetchOutcome, string?)> FetchAsync()
        {
            var fetch = await fixture.Policies.FetchAsync(Domain, Cancellation);
            return (fetch.Outcome, fetch.Detail);
        }
    }

    [Fact]
    public async Task A_fetch_that_is_cancelled_has_no_result()
    {
        await using var fixture = Serving((_, _, cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken), out var server);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var fetching = fixture.Policies.FetchAsync(Domain, giveUp.Token);
        while (server.Heads.IsEmpty)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Cancellation);
        }

        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetching);
    }

    private static EgressFixture Serving(Answering answer, out Listener server, CertificateSpec? certificate = null)
    {
        var fixture = new EgressFixture();
        fixture.Zone.Set(Host, EgressFixture.At("127.0.1.1"));
        server = fixture.Serve(Host, "127.0.1.1", answer, certificate);
        return fixture;
    }
}
