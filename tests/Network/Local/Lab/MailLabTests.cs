using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using DnsClient;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.Local.Lab;

public sealed class MailLabTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private MailLab _lab = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _lab = await MailLab.StartAsync(_time, "app.example.net", Cancellation);

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task Every_address_of_every_MX_host_answers_unless_it_is_dead_by_design()
    {
        _lab.Add(LabDomains.All);

        foreach (var mx in LabDomains.All.Except(LabDomains.Resolving).SelectMany(domain => domain.Mx).DistinctBy(mx => mx.Host))
        {
            var addresses = (await Ask(mx.Host, QueryType.A)).Answers.AddressRecords()
                .Concat((await Ask(mx.Host, QueryType.AAAA)).Answers.AddressRecords())
                .Select(record => record.Address).ToList();
            Assert.Equal(mx.Addresses.Count, addresses.Count);

            foreach (var (address, kind) in addresses.Zip(mx.Addresses))
            {
                var endPoint = new IPEndPoint(address, _lab.SmtpPort);
                if (kind == LabAddress.DeadIPv4)
                {
                    await Assert.ThrowsAsync<SocketException>(() => SmtpConnection.ConnectAsync(endPoint, Cancellation));
                    continue;
                }

                await using var connection = await SmtpConnection.ConnectAsync(endPoint, Cancellation);
                Assert.Equal(mx.Script.Banner ?? $"220 {mx.Host} ESMTP", await connection.ReplyAsync(Cancellation));
            }
        }
    }

    // The servers with a faulty dialogue are tested one by one, by SmtpServerTests.
    public static TheoryData<string> Names => [.. LabDomains.All.Where(domain => domain.Mx.All(mx => mx.Script == SmtpScript.Good || domain.Expected.Count == 0)).Select(domain => domain.Name),
        "plain.example", "old-tls.example"];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_TLS_of_a_domain_is_as_the_catalogue_says(string name)
    {
        var domain = LabDomains.Get(name);
        _lab.Add(domain);

        var observed = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var mx in domain.Mx)
        {
            foreach (var server in _lab.Mx(mx.Host).Servers.Where(server => server.IsListening))
            {
                observed.UnionWith(await VerifyTlsAsync(mx.Host, server.EndPoint));
            }
        }

        // A single connection observes one of two certificates.
        string[] ofTls = ["mx.certificate.", "mx.starttls.", "mx.tls."];
        Assert.Equal(domain.Expected.Where(code => code != "mx.certificate.alternate" && ofTls.Any(start => code.StartsWith(start, StringComparison.Ordinal))), observed);
    }

    [Fact]
    public void No_two_MX_hosts_share_an_address()
    {
        _lab.Add(LabDomains.All);
        var endPoints = _lab.Hosts.SelectMany(host => host.Servers).Select(server => server.EndPoint).ToList();

        Assert.Equal(endPoints.Distinct(), endPoints);
        Assert.DoesNotContain(_lab.Relay.EndPoint, endPoints);
        Assert.Empty(endPoints.Select(endPoint => endPoint.Address).Intersect(_lab.PolicyHosts.Select(host => host.EndPoint.Address)));
        Assert.All(endPoints, endPoint => Assert.True(IPAddress.IsLoopback(endPoint.Address)));
    }

    [Fact]
    public async Task Two_labs_run_side_by_side()
    {
        await using var other = await MailLab.StartAsync(_time, Cancellation);
        _lab.Add(LabDomains.Typical);
        other.Add(LabDomains.Typical);

        Assert.NotEqual(_lab.SmtpPort, other.SmtpPort);
        Assert.NotEqual(_lab.HttpsPort, other.HttpsPort);
        Assert.NotEqual(_lab.HttpsPort, _lab.SmtpPort);
        Assert.NotEqual(_lab.Dns, other.Dns);
    }

    [Fact]
    public async Task A_domain_has_the_records_of_MTA_STS_and_TLS_reporting()
    {
        _lab.Add(LabDomains.Get("example.com"));

        Assert.Equal([$"v=STSv1; id={_time.GetUtcNow():yyyyMMddHHmmss};"], await Texts("_mta-sts.example.com"));
        Assert.Equal(["v=TLSRPTv1; rua=https://app.example.net/v1/tlsrpt"], await Texts("_smtp._tls.example.com"));
        var policyHost = await Ask("mta-sts.example.com", QueryType.A);
        Assert.Equal("app.example.net.", Assert.Single(policyHost.Answers.CnameRecords()).CanonicalName.Value);
        Assert.Equal(IPAddress.Loopback, Assert.Single(policyHost.Answers.ARecords()).Address);
        Assert.Equal(
            ["mx1.example.com.", "mx2.example.com."],
            (await Ask("example.com", QueryType.MX)).Answers.MxRecords().OrderBy(mx => mx.Preference).Select(mx => mx.Exchange.Value));
        Assert.Equal(
            IPAddress.Loopback,
            (await Ask(Assert.Single((await Ask("example.com", QueryType.NS)).Answers.NsRecords()).NSDName, QueryType.A)).Answers.ARecords().Single().Address);
    }

    [Theory]
    [InlineData("example.com", "v=STSv1; id=abc;")]
    [InlineData("delegated.example", "v=STSv1; id=abc;")]
    [InlineData("malformed.example", "v=STSv1; id=abc-new;")]
    [InlineData("twice.example", "v=STSv1; id=abc;", "v=STSv1; id=20200101000000;")]
    public async Task A_policy_id_is_set_at_run_time(string domain, params string[] expected)
    {
        _lab.Add(LabDomains.Get(domain));

        _lab.SetPolicyId(domain, "abc");

        Assert.Equal(expected, await Texts($"_mta-sts.{domain}"));
    }

    [Fact]
    public async Task A_domain_without_MX_records_and_one_with_a_null_MX_are_distinct()
    {
        _lab.Add([LabDomains.Get("implicit.example"), LabDomains.Get("null.example")]);

        Assert.Empty((await Ask("implicit.example", QueryType.MX)).Answers);
        Assert.Single((await Ask("implicit.example", QueryType.A)).Answers);
        Assert.Equal((0, "."), (await Ask("null.example", QueryType.MX)).Answers.MxRecords().Select(mx => (mx.Preference, mx.Exchange.Value)).Single());
    }

    [Fact]
    public void The_HTTPS_port_is_free_at_the_address_of_the_app()
    {
        using var app = new TcpListener(IPAddress.Loopback, _lab.HttpsPort);
        app.Start();

        _lab.Add(LabDomains.Policies);

        Assert.DoesNotContain(_lab.PolicyHosts, host => host.EndPoint.Address.Equals(IPAddress.Loopback));
    }

    [Fact]
    public async Task The_records_of_a_domain_change_at_run_time_and_its_id_stays()
    {
        _lab.Add(LabDomains.Get("example.com"));
        _lab.SetPolicyId("example.com", "abc");

        _lab.Change("example.com", domain => domain with { MxRecords = MxRecords.Null, StsRecordDelegatedTo = "elsewhere.example" });
        Assert.Equal(".", Assert.Single((await Ask("example.com", QueryType.MX)).Answers.MxRecords()).Exchange.Value);
        Assert.Single((await Ask("_mta-sts.example.com", QueryType.TXT)).Answers.CnameRecords());
        Assert.Equal(["v=STSv1; id=abc;"], await Texts("_mta-sts.example.com"));

        _lab.Change("example.com", domain => domain with { MxRecords = MxRecords.Implicit, StsRecordDelegatedTo = null, StsRecords = LabStsRecords.Missing });
        Assert.Empty((await Ask("example.com", QueryType.MX)).Answers);
        var own = Assert.Single((await Ask("example.com", QueryType.A)).Answers.ARecords()).Address;
        Assert.Equal(_lab.Mx("example.com").Servers[0].EndPoint.Address, own);
        Assert.Empty((await Ask("_mta-sts.example.com", QueryType.TXT)).Answers);

        _lab.Change("example.com", domain => domain with { MxRecords = MxRecords.Listed, StsRecords = LabStsRecords.Good });
        Assert.Equal(2, (await Ask("example.com", QueryType.MX)).Answers.MxRecords().Count());
        Assert.Equal(["v=STSv1; id=abc;"], await Texts("_mta-sts.example.com"));
    }

    [Fact]
    public async Task An_MX_host_moves_to_other_addresses_and_is_otherwise_unchanged()
    {
        _lab.Add(LabDomains.Get("plain.example"));
        var host = _lab.Mx("mx.plain.example");
        var left = host.Servers[0].EndPoint;
        var certificate = host.Certificate;

        _lab.Move(host.Name, LabAddress.IPv6, LabAddress.DeadIPv4);

        await Assert.ThrowsAsync<SocketException>(() => SmtpConnection.ConnectAsync(left, Cancellation));
        Assert.Equal(IPAddress.IPv6Loopback, Assert.Single((await Ask(host.Name, QueryType.AAAA)).Answers.AaaaRecords()).Address);
        Assert.Equal(host.Servers[1].EndPoint.Address, Assert.Single((await Ask(host.Name, QueryType.A)).Answers.ARecords()).Address);
        Assert.Equal([true, false], host.Servers.Select(server => server.IsListening));
        Assert.All(host.Servers, server => Assert.Equal((certificate, SmtpScript.Plain), (server.Certificate, server.Script)));

        _lab.Move(host.Name, LabAddress.IPv4);
        Assert.Empty((await Ask(host.Name, QueryType.AAAA)).Answers);
        await using var connection = await SmtpConnection.ConnectAsync(host.Servers[0].EndPoint, Cancellation);
        Assert.StartsWith("220", await connection.ReplyAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_one_IPv6_address_to_assign()
    {
        _lab.Add([LabDomains.Get("ipv6.example"), LabDomains.Get("plain.example")]);

        Assert.Contains("mx.ipv6.example has it", Assert.Throws<InvalidOperationException>(() => _lab.Move("mx.plain.example", LabAddress.IPv6)).Message, StringComparison.Ordinal);
        Assert.True(_lab.Mx("mx.plain.example").Servers[0].IsListening);
        Assert.Throws<InvalidOperationException>(() => _lab.Move("mx.ipv6.example", LabAddress.IPv6, LabAddress.IPv6));
        Assert.Throws<InvalidOperationException>(() => _lab.Move("mx.plain.example"));
        _lab.Move("mx.ipv6.example", LabAddress.IPv6, LabAddress.IPv4);
    }

    [Fact]
    public async Task An_MX_host_becomes_an_alias_and_stops_being_one()
    {
        _lab.Add([LabDomains.Get("plain.example"), LabDomains.Get("implicit.example")]);

        _lab.SetAlias("mx.plain.example", "real.plain.example");
        Assert.Equal("real.plain.example.", Assert.Single((await Ask("mx.plain.example", QueryType.A)).Answers.CnameRecords()).CanonicalName.Value);
        _lab.SetAlias("mx.plain.example", null);
        Assert.Empty((await Ask("mx.plain.example", QueryType.A)).Answers.CnameRecords());
        Assert.Single((await Ask("mx.plain.example", QueryType.A)).Answers.ARecords());

        Assert.Contains("SOA", Assert.Throws<InvalidOperationException>(() => _lab.SetAlias("implicit.example", "real.plain.example")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dns-truncates.example", QueryType.MX, DnsHeaderResponseCode.NoError, 1)]
    [InlineData("dns-fails.example", QueryType.MX, DnsHeaderResponseCode.ServerFailure, 0)]
    [InlineData("mx.dns-loops.example", QueryType.A, DnsHeaderResponseCode.NoError, 0)]
    [InlineData("_mta-sts.sts-loops.example", QueryType.TXT, DnsHeaderResponseCode.NoError, 0)]
    public async Task The_DNS_of_a_domain_behaves_as_the_catalogue_says(string name, QueryType type, DnsHeaderResponseCode code, int records)
    {
        _lab.Add(LabDomains.Resolving);

        var answer = await Ask(name, type);

        Assert.Equal((code, records), (answer.Header.ResponseCode, answer.Answers.Count(record => record is not DnsClient.Protocol.CNameRecord)));
        Assert.Equal(name.Contains("loops", StringComparison.Ordinal) ? [$"{name}."] : [], answer.Answers.CnameRecords().Select(cname => cname.CanonicalName.Value));
    }

    [Fact]
    public async Task The_relay_accepts_mail()
    {
        await using var connection = await SmtpConnection.ConnectAsync(_lab.Relay.EndPoint, Cancellation);
        await connection.ReplyAsync(Cancellation);
        foreach (var line in new[] { "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.net>", "DATA", "Subject: x\r\n\r\nHi\r\n." })
        {
            await connection.AskAsync(line, Cancellation);
        }

        Assert.Equal("Subject: x\r\n\r\nHi\r\n"u8, Assert.Single(_lab.Relay.Mails).Message.Span);
    }

    [Fact]
    public async Task Nothing_answers_after_disposal()
    {
        _lab.Add(LabDomains.Get("example.com"));
        var endPoint = _lab.Mx("mx1.example.com").Servers[0].EndPoint;

        await _lab.DisposeAsync();

        await Assert.ThrowsAsync<SocketException>(() => SmtpConnection.ConnectAsync(endPoint, Cancellation));
    }

    [Fact]
    public async Task A_start_can_be_cancelled() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MailLab.StartAsync(_time, new CancellationToken(canceled: true)));

    [Fact]
    public void An_unknown_name_gives_an_error_with_the_known_ones()
    {
        _lab.Add(LabDomains.Get("example.com"));

        Assert.Contains("mx2.example.com", Assert.Throws<KeyNotFoundException>(() => _lab.Mx("mx3.example.com")).Message, StringComparison.Ordinal);
        Assert.Contains("plain.example", Assert.Throws<KeyNotFoundException>(() => LabDomains.Get("nobody.example")).Message, StringComparison.Ordinal);
        Assert.Contains("add it first", Assert.Throws<KeyNotFoundException>(() => _lab.SetPolicyId("plain.example", "1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_catalogue_describes_the_faults_of_each_domain()
    {
        var all = LabDomains.All.Concat(LabDomains.Silent).ToList();
        Assert.Equal(all.Select(domain => domain.Name).Distinct(), all.Select(domain => domain.Name));
        Assert.All(all, domain =>
        {
            Assert.EndsWith(".", domain.Fault, StringComparison.Ordinal);
            Assert.Matches(new Regex(@"\Aversion: STSv1\nmode: enforce\n(mx: [a-z0-9.-]+\n)+max_age: 604800\n\z"), domain.Policy);
            Assert.Equal(domain.Expected.Order(StringComparer.Ordinal), domain.Expected);
        });
    }

    // How a sender verifies one address, by the platform's own validation.
    private async Task<IEnumerable<string>> VerifyTlsAsync(string host, IPEndPoint endPoint)
    {
        await using var connection = await SmtpConnection.ConnectAsync(endPoint, Cancellation);
        await connection.ReplyAsync(Cancellation);
        if (!(await connection.AskAsync("EHLO probe.example", Cancellation)).Contains("STARTTLS", StringComparison.Ordinal))
        {
            return ["mx.starttls.missing"];
        }

        await connection.AskAsync("STARTTLS", Cancellation);
        IReadOnlyList<X509Certificate2> sent;
        try
        {
            sent = await connection.HandshakeAsync(host, Cancellation);
        }
        catch (AuthenticationException)
        {
            return ["mx.tls.old-version"];
        }

        using var leaf = X509CertificateLoader.LoadCertificate(connection.Tls.RemoteCertificate!.GetRawCertData());
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_lab.Ca.Root);
        chain.ChainPolicy.ExtraStore.AddRange(sent.ToArray());
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = _time.GetUtcNow().UtcDateTime;
        chain.Build(leaf);
        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);

        var codes = new List<string>();
        if ((status & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot)) != X509ChainStatusFlags.NoError)
        {
            codes.Add(leaf.Subject == leaf.Issuer ? "mx.certificate.self-signed" : chain.ChainElements.Count == 1 ? "mx.certificate.intermediate-missing" : "mx.certificate.untrusted");
        }
        else if (sent.FirstOrDefault(certificate => certificate.Subject != leaf.Subject)?.Subject != leaf.Issuer)
        {
            codes.Add("mx.certificate.misordered");
        }

        if (status.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            codes.Add("mx.certificate.expired");
        }
        else if (leaf.NotAfter.ToUniversalTime() < _time.GetUtcNow().UtcDateTime.AddDays(14))
        {
            codes.Add("mx.certificate.expiring");
        }

        if (!leaf.MatchesHostname(host, allowWildcards: true, allowCommonName: false))
        {
            codes.Add("mx.certificate.name-mismatch");
        }

        return codes;
    }

    private async Task<IEnumerable<string>> Texts(string name) =>
        (await Ask(name, QueryType.TXT)).Answers.TxtRecords().Select(txt => string.Concat(txt.Text));

    private Task<IDnsQueryResponse> Ask(string name, QueryType type) =>
        new LookupClient(new LookupClientOptions(_lab.Dns) { UseCache = false, Timeout = TimeSpan.FromMinutes(1) })
            .QueryAsync(name, type, cancellationToken: Cancellation);
}
