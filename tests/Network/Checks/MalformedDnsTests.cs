using StsFunctions.Core.Observations;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.Tests.Egress;
using Xunit;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;

namespace StsFunctions.Tests.Checks;

/// <summary>DNS answers that do not parse, or belong to another question: each is the failure of its own lookup.</summary>
public sealed class MalformedDnsTests
{
    private const ushort Nsec = 47;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Types => [.. Asks.Keys];

    private static readonly Dictionary<string, (Func<DnsObserver, Task<DnsAnswer>> Ask, byte[] BadData)> Asks = new()
    {
        ["A of three octets"] = (dns => dns.AAsync("lab.example", Cancellation), [192, 0, 2]),
        ["AAAA of five octets"] = (dns => dns.AaaaAsync("lab.example", Cancellation), [1, 2, 3, 4, 5]),
        ["MX that ends within its preference"] = (dns => dns.MxAsync("lab.example", Cancellation), [0]),
        ["MX whose name points behind the message"] = (dns => dns.MxAsync("lab.example", Cancellation), [0, 10, 0xFF, 0xFF]),
        ["MX whose name points at itself"] = (dns => dns.MxAsync("lab.example", Cancellation), [0, 10, 0xC0, 43]),
        ["TXT whose string is longer than the record"] = (dns => dns.TxtAsync("_mta-sts.lab.example", Cancellation), [200, (byte)'v']),
        ["CAA whose tag is longer than the record"] = (dns => dns.CaaAsync("lab.example", Cancellation), [0, 100, (byte)'i']),
        ["CAA of one octet"] = (dns => dns.CaaAsync("lab.example", Cancellation), [0]),
        ["TLSA of one octet"] = (dns => dns.TlsaAsync("_25._tcp.mx.lab.example", Cancellation), [3]),
    };

    [Theory]
    [MemberData(nameof(Types))]
    [Trait("Conformance", "MX-2")]
    public async Task A_record_that_does_not_parse_is_a_failed_lookup_with_a_short_reason(string what)
    {
        var (ask, bad) = Asks[what];
        await using var server = StubDnsServer.Of(bad);

        var answer = await ask(new DnsObserver(server.ResolverOf(validates: true)));

        Assert.Equal((DnsOutcome.Failed, 0), (answer.Outcome, answer.Records.Count));
        Assert.False(answer.IsKnown);
        Assert.InRange(answer.Detail!.Length, 10, 300);
        Assert.DoesNotContain('\n', answer.Detail);
    }

    [Fact]
    public async Task A_DNSSEC_record_that_does_not_parse_fails_its_lookup()
    {
        await using var server = StubDnsServer.Start(query => StubDnsServer.Response(query, (1, [192, 0, 2, 1]), (Nsec, [0, 0, 200, 1])));

        Assert.Equal(DnsOutcome.Failed, (await new DnsObserver(server.ResolverOf(validates: true)).AAsync("lab.example", Cancellation)).Outcome);
    }

    [Fact]
    public async Task An_answer_with_the_id_of_another_question_is_a_failed_lookup()
    {
        await using var server = StubDnsServer.Start(query =>
        {
            var response = StubDnsServer.Response(query, (1, [192, 0, 2, 1]));
            response[0] ^= 0xFF;
            return response;
        });

        var answer = await server.Dns.AAsync("lab.example", Cancellation);

        Assert.Equal(DnsOutcome.Failed, answer.Outcome);
        Assert.Contains("id", answer.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_ends_within_its_header_is_a_failed_lookup()
    {
        await using var server = StubDnsServer.Start(query => query[..5]);

        Assert.False((await server.Dns.TxtAsync("lab.example", Cancellation)).IsKnown);
    }

    [Fact]
    public async Task A_policy_host_whose_addresses_do_not_parse_is_unreachable()
    {
        await using var server = StubDnsServer.Of(1, 2, 3);

        var fault = await Assert.ThrowsAsync<HostNotReachedException>(() => server.Resolver.AddressesAsync("mta-sts.lab.example", Cancellation));

        Assert.Contains("does not parse", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_family_that_does_not_parse_leaves_the_other()
    {
        await using var server = StubDnsServer.Start(query => StubDnsServer.TypeOf(query) == 1
            ? StubDnsServer.Response(query, (1, [192, 0, 2, 7]))
            : StubDnsServer.Response(query, (28, [1])));

        Assert.Equal("192.0.2.7", Assert.Single(await server.Resolver.AddressesAsync("lab.example", Cancellation)).ToString());
    }

    [Fact]
    public async Task A_DKIM_key_that_does_not_parse_as_a_record_is_unavailable()
    {
        await using var server = StubDnsServer.Of(200, 1);

        await Assert.ThrowsAsync<DkimKeyUnavailableException>(() => new DkimKeys(server.Resolver).LocatePublicKeyAsync("dns/txt", "lab.example", "s", Cancellation));
    }

    [Fact]
    public async Task A_lookup_that_is_cancelled_has_no_answer()
    {
        await using var server = StubDnsServer.Of(1, 2, 3);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server.Dns.AAsync("lab.example", cancelled.Token));
    }
}
