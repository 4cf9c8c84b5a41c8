using System.Net;
using System.Security.Cryptography;
using DnsClient;
using StsFunctions.Core.Observations;
using Xunit;
using static StsFunctions.Tests.RealServers.RealServerLab;

namespace StsFunctions.Tests.RealServers;

/// <summary>Knot's zones as observed through Unbound.</summary>
public sealed class ResolverTests(RealServerLabFixture real)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(SignedZone)]
    [InlineData(UnsignedZone)]
    [Trait("Conformance", "TXT-5")]
    public async Task Existing_and_missing_records_are_distinct(string zone)
    {
        var dns = new ProbeFactory(await real.LabAsync()).Dns;

        var found = await dns.TxtAsync($"few.{zone}", Cancellation);
        var empty = await dns.MxAsync($"few.{zone}", Cancellation);
        var nothing = await dns.TxtAsync($"nowhere.{zone}", Cancellation);

        Assert.Equal((DnsOutcome.Found, null), (found.Outcome, found.CnameTo));
        Assert.Equal(["first-half", "second"], found.Records.Order());
        Assert.InRange(found.Ttl, 0, 300);
        Assert.Equal((DnsOutcome.Empty, 0), (empty.Outcome, empty.Records.Count));
        Assert.Equal((DnsOutcome.NxDomain, 0), (nothing.Outcome, nothing.Records.Count));
        Assert.Equal([$"10 mx.{zone}"], (await dns.MxAsync(zone, Cancellation)).Records);
    }

    [Fact]
    public async Task A_zone_whose_signature_does_not_match_its_parent_is_a_failure_and_not_an_absence()
    {
        var dns = new ProbeFactory(await real.LabAsync()).Dns;

        DnsAnswer[] answers = [await dns.MxAsync(BogusZone, Cancellation), await dns.TxtAsync($"few.{BogusZone}", Cancellation), await dns.AAsync($"nowhere.{BogusZone}", Cancellation)];

        Assert.All(answers, answer => Assert.Equal((DnsOutcome.Failed, 0, false), (answer.Outcome, answer.Records.Count, answer.IsKnown)));
    }

    [Fact]
    public async Task A_zone_without_a_server_is_a_failure() =>
        Assert.Equal(DnsOutcome.Failed, (await new ProbeFactory(await real.LabAsync()).Dns.MxAsync("unserved.example", Cancellation)).Outcome);

    [Theory]
    [InlineData(SignedZone)]
    [InlineData(UnsignedZone)]
    public async Task An_answer_too_large_for_a_datagram_is_observed_in_full(string zone)
    {
        var lab = await real.LabAsync();
        var dns = new ProbeFactory(lab).Dns;
        var name = $"many.{zone}";

        var texts = await dns.TxtAsync(name, Cancellation);
        var hosts = await dns.MxAsync(name, Cancellation);

        await Assert.ThrowsAsync<DnsResponseException>(() => AskAsync(lab, name, QueryType.TXT, options => options.UseTcpFallback = false));
        Assert.Equal(Enumerable.Range(1, 40), texts.Records.Select(text => int.Parse(text[..2], null)).Order());
        Assert.Equal(Enumerable.Range(1, 40).Select(n => $"{n} mx-{n}.a-name-as-long-as-any-mail-provider-has.{zone}"), hosts.Records.OrderBy(mx => int.Parse(mx.Split(' ')[0], null)));
    }

    [Theory]
    [InlineData(SignedZone)]
    [InlineData(UnsignedZone)]
    [Trait("Conformance", "TXT-7")]
    public async Task A_chain_of_aliases_is_followed_to_its_end(string zone)
    {
        var dns = new ProbeFactory(await real.LabAsync()).Dns;

        var followed = await dns.TxtAsync($"alias.{zone}", Cancellation);
        var dangling = await dns.TxtAsync($"dangling.{zone}", Cancellation);
        var loop = await dns.TxtAsync($"loop.{zone}", Cancellation);

        Assert.Equal((DnsOutcome.Found, $"second-alias.{zone}"), (followed.Outcome, followed.CnameTo));
        Assert.Equal(["first-half", "second"], followed.Records.Order());
        Assert.Equal((DnsOutcome.NxDomain, $"nowhere.{zone}"), (dangling.Outcome, dangling.CnameTo));
        Assert.Empty(loop.Records);
    }

    [Theory]
    [InlineData(SignedZone, true)]
    [InlineData(UnsignedZone, false)]
    public async Task The_resolver_authenticates_only_a_signed_zone(string zone, bool vouches)
    {
        var dns = new ProbeFactory(await real.LabAsync()).Dns;

        DnsAnswer[] answers =
        [
            await dns.MxAsync(zone, Cancellation), await dns.TxtAsync($"alias.{zone}", Cancellation), await dns.TxtAsync($"many.{zone}", Cancellation),
            await dns.MxAsync($"few.{zone}", Cancellation), await dns.TxtAsync($"nowhere.{zone}", Cancellation),
        ];

        Assert.Equal([DnsOutcome.Found, DnsOutcome.Found, DnsOutcome.Found, DnsOutcome.Empty, DnsOutcome.NxDomain], answers.Select(answer => answer.Outcome));
        Assert.All(answers, answer => Assert.Equal(vouches, answer.Authentic));
        Assert.Equal([$"second-alias.{zone}", $"third-alias.{zone}", $"few.{zone}"], answers[1].Aliases);
    }

    [Fact]
    public async Task The_TLSA_records_of_an_MX_host_are_observed_with_the_AD_flag()
    {
        var lab = await real.LabAsync();
        var dns = new ProbeFactory(lab).Dns;
        var host = NameOf("exim", "good");
        var key = SHA256.HashData(lab.Host(host).Certificates[0].Leaf.PublicKey.ExportSubjectPublicKeyInfo());

        var matching = await dns.TlsaAsync($"_25._tcp.{host}", Cancellation);
        var other = await dns.TlsaAsync($"_25._tcp.{NameOf("postfix", "tlsa")}", Cancellation);
        var none = await dns.TlsaAsync($"_25._tcp.{NameOf("exim", "rsa")}", Cancellation);

        Assert.Equal((DnsOutcome.Found, true), (matching.Outcome, matching.Authentic));
        Assert.Equal([$"3 1 1 {Convert.ToHexStringLower(key)}"], matching.Records);
        Assert.Equal([$"3 1 1 {new string('0', 64)}"], other.Records);
        Assert.Equal((DnsOutcome.NxDomain, true), (none.Outcome, none.Authentic));
    }

    private static Task<IDnsQueryResponse> AskAsync(RealServerLab lab, string name, QueryType type, Action<LookupClientOptions> change)
    {
        var options = new LookupClientOptions(new IPEndPoint(lab.Dns.Address, lab.Dns.Port)) { UseCache = false };
        change(options);
        return new LookupClient(options).QueryAsync(name, type, cancellationToken: Cancellation);
    }
}
