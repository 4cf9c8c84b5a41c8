using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Tests.Egress;
using Xunit;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;

namespace StsFunctions.Tests.Checks;

/// <summary>Single DNS lookups: existing records, missing ones and failures.</summary>
public sealed class DnsObserverTests : IAsyncLifetime
{
    private readonly EgressFixture _world = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private DnsZone Zone => _world.Zone;

    private DnsObserver Dns => new(_world.Resolver);

    private DnsObserver Validating => new(new DnsResolver(_world.Egress with { DnsValidates = true }));

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    [Trait("Conformance", "TXT-7")]
    public async Task A_chain_of_aliases_is_observed_in_full_with_its_lowest_TTL()
    {
        Zone.Set("one.example", DnsRecord.Cname("Two.Example").For(TimeSpan.FromSeconds(600)));
        Zone.Set("two.example", DnsRecord.Cname("three.example").For(TimeSpan.FromSeconds(60)));
        Zone.Set("three.example", DnsRecord.Txt("a", "b").For(TimeSpan.FromSeconds(120)), DnsRecord.Txt("c").For(TimeSpan.FromSeconds(90)));

        var answer = await Dns.TxtAsync("one.example", Cancellation);

        Assert.Equal(DnsOutcome.Found, answer.Outcome);
        Assert.Equal(["two.example", "three.example"], answer.Aliases);
        Assert.Equal("two.example", answer.CnameTo);
        Assert.Equal(["ab", "c"], answer.Records.Order());
        Assert.Equal(60, answer.Ttl);
        Assert.Equal(90, (await Dns.TxtAsync("three.example", Cancellation)).Ttl);
    }

    [Fact]
    public async Task NXDOMAIN_and_an_empty_answer_are_distinct_also_behind_an_alias()
    {
        Zone.Set("gone.example", DnsRecord.Cname("nobody.example"));
        Zone.Set("other.example", DnsRecord.Cname("mail.example"));
        Zone.Set("mail.example", DnsRecord.Mx(10, "mx.example"));

        Assert.Equal(DnsOutcome.NxDomain, (await Dns.AAsync("nobody.example", Cancellation)).Outcome);
        Assert.Equal(DnsOutcome.Empty, (await Dns.AAsync("mail.example", Cancellation)).Outcome);
        var (gone, other) = (await Dns.AAsync("gone.example", Cancellation), await Dns.AaaaAsync("other.example", Cancellation));
        Assert.Equal((DnsOutcome.NxDomain, "nobody.example", 300), (gone.Outcome, gone.CnameTo, gone.Ttl));
        Assert.Equal((DnsOutcome.Empty, "mail.example"), (other.Outcome, other.CnameTo));
        Assert.True(gone.IsKnown && other.IsKnown);
    }

    [Fact]
    public async Task A_loop_of_aliases_is_followed_once()
    {
        Zone.Set("one.example", DnsRecord.Cname("two.example"));
        Zone.Set("two.example", DnsRecord.Cname("one.example"));
        Zone.Behave("self.example", DnsBehaviour.CnameLoop);

        Assert.Equal(["two.example", "one.example"], (await Dns.AAsync("one.example", Cancellation)).Aliases);
        var self = await Dns.AAsync("self.example", Cancellation);
        Assert.Equal(DnsOutcome.Empty, self.Outcome);
        Assert.Equal(["self.example"], self.Aliases);
    }

    [Fact]
    public async Task A_long_chain_of_aliases_is_followed_up_to_the_limit()
    {
        for (var n = 0; n < 40; n++)
        {
            Zone.Set($"a{n}.example", DnsRecord.Cname($"a{n + 1}.example"));
        }

        Assert.InRange((await Dns.AAsync("a0.example", Cancellation)).Aliases.Count, 8, 16);
    }

    [Theory]
    [InlineData(DnsBehaviour.ServerFailure)]
    [InlineData(DnsBehaviour.Refused)]
    public async Task A_failure_of_the_resolver_is_reported(DnsBehaviour behaviour)
    {
        Zone.Behave("lab.example", behaviour);

        var answer = await Dns.MxAsync("lab.example", Cancellation);

        Assert.Equal((DnsOutcome.Failed, false), (answer.Outcome, answer.IsKnown));
        Assert.NotEmpty(answer.Detail!);
    }

    [Fact]
    public async Task A_resolver_that_does_not_answer_is_a_timeout()
    {
        Zone.Behave("lab.example", DnsBehaviour.Silent);

        var answer = await Dns.MxAsync("lab.example", Cancellation);

        Assert.Equal((DnsOutcome.TimedOut, false), (answer.Outcome, answer.IsKnown));
    }

    [Fact]
    public async Task A_lookup_that_is_cancelled_has_no_answer()
    {
        Zone.Behave("lab.example", DnsBehaviour.Silent);
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Dns.MxAsync("lab.example", giveUp.Token));
    }

    [Fact]
    public async Task The_AD_flag_of_the_resolver_counts_only_where_it_is_configured_to_validate()
    {
        Zone.Set("signed.example", DnsRecord.Mx(10, "mx.example"));
        Zone.Set("plain.example", DnsRecord.Mx(10, "mx.example"));
        Zone.Set("half.example", DnsRecord.Cname("plain.example"));
        foreach (var name in (string[])["signed.example", "half.example", "nobody.example"])
        {
            Zone.Vouch(name);
        }

        foreach (var name in (string[])["signed.example", "plain.example", "half.example", "nobody.example"])
        {
            Assert.Null((await Dns.MxAsync(name, Cancellation)).Authentic);
        }

        Assert.True((await Validating.MxAsync("signed.example", Cancellation)).Authentic);
        Assert.True((await Validating.MxAsync("nobody.example", Cancellation)).Authentic);
        Assert.False((await Validating.MxAsync("plain.example", Cancellation)).Authentic);
        Assert.False((await Validating.MxAsync("half.example", Cancellation)).Authentic);
    }

    [Fact]
    public async Task TLSA_is_looked_up_only_where_DNSSEC_is_validated()
    {
        const string name = "_25._tcp.mx.example";
        Zone.Set(name, DnsRecord.Tlsa(3, 1, 1, new byte[] { 0xAB, 0x0C }), DnsRecord.Tlsa(2, 0, 2, new byte[] { 1 }));
        Zone.Vouch(name);

        var unasked = await Dns.TlsaAsync(name, Cancellation);
        Assert.Equal((DnsOutcome.NotAsked, 0), (unasked.Outcome, Zone.QuestionsFor(name, DnsRecordType.Tlsa)));

        var answer = await Validating.TlsaAsync(name, Cancellation);
        Assert.Equal(["2 0 2 01", "3 1 1 ab0c"], answer.Records.Order());
        Assert.True(answer.Authentic);
    }

    [Fact]
    public async Task CAA_comes_from_the_name_or_its_nearest_parent()
    {
        Zone.Set("mta-sts.lab.example", DnsRecord.Cname("edge.hosting.example"));
        Zone.Set("edge.hosting.example", DnsRecord.Address(System.Net.IPAddress.Loopback));
        Zone.Set("example", DnsRecord.Caa(0, "issue", "far.example"));
        Assert.Equal(("example", "0 issue far.example"), NameAndRecord(await Dns.CaaAsync("mta-sts.lab.example", Cancellation)));

        Zone.Set("lab.example", DnsRecord.Caa(128, "issue", ";"), DnsRecord.Caa(0, "iodef", "mailto:ca@lab.example"));
        var parents = await Dns.CaaAsync("mta-sts.lab.example", Cancellation);
        Assert.Equal("lab.example", parents.Name);
        Assert.Equal(["0 iodef mailto:ca@lab.example", "128 issue ;"], parents.Records.Order());

        Zone.Set("edge.hosting.example", DnsRecord.Caa(0, "issue", "near.example"));
        var own = await Dns.CaaAsync("mta-sts.lab.example", Cancellation);
        Assert.Equal(("mta-sts.lab.example", "0 issue near.example"), NameAndRecord(own));
        Assert.Equal("edge.hosting.example", own.CnameTo);
    }

    [Fact]
    public async Task CAA_is_absent_where_no_parent_has_it_and_unknown_where_a_lookup_fails()
    {
        var none = await Validating.CaaAsync("mta-sts.lab.example", Cancellation);
        Assert.Equal((DnsOutcome.Empty, "mta-sts.lab.example", false), (none.Outcome, none.Name, none.Authentic));

        Zone.Behave("lab.example", DnsBehaviour.ServerFailure);
        var failed = await Dns.CaaAsync("mta-sts.lab.example", Cancellation);
        Assert.Equal((DnsOutcome.Failed, "lab.example"), (failed.Outcome, failed.Name));

        var deep = string.Join('.', Enumerable.Repeat("a", 100)) + ".test";
        var before = Zone.QuestionCount;
        Assert.Equal(DnsOutcome.Empty, (await Dns.CaaAsync(deep, Cancellation)).Outcome);
        Assert.Equal(16, Zone.QuestionCount - before);
    }

    [Theory]
    [InlineData("lab.example", "lab.example", 1)]
    [InlineData("a.b.lab.example", "lab.example", 3)]
    [InlineData("lab.example", "example", 2)]
    [InlineData("1.2.3.4.5.6.7.8.9.lab.example", "5.6.7.8.9.lab.example", 2)]
    [InlineData("1.2.3.4.5.6.7.8.9.lab.example", "example", 8)]
    public async Task DMARC_is_looked_up_at_the_parents_as_receivers_do(string domain, string holder, int questions)
    {
        Zone.Set($"_dmarc.{holder}", DnsRecord.Txt("v=DMARC1 ; p=reject"));
        Zone.Set("_dmarc.b.lab.example", DnsRecord.Txt("not of it"));
        var before = Zone.QuestionCount;

        var answer = await Dns.DmarcAsync(domain, Cancellation);

        Assert.Equal(($"_dmarc.{holder}", "v=DMARC1 ; p=reject"), NameAndRecord(answer));
        Assert.Equal(questions, Zone.QuestionCount - before);
    }

    [Fact]
    public async Task DMARC_is_absent_where_no_parent_has_it_and_unknown_where_a_lookup_fails()
    {
        Assert.Equal(DnsOutcome.NxDomain, (await Dns.DmarcAsync("sub.lab.example", Cancellation)).Outcome);

        Zone.Set("_dmarc.sub.lab.example", DnsRecord.Txt("v=DMARC2"));
        Assert.Equal(("_dmarc.sub.lab.example", "v=DMARC2"), NameAndRecord(await Dns.DmarcAsync("sub.lab.example", Cancellation)));

        Zone.Behave("_dmarc.lab.example", DnsBehaviour.ServerFailure);
        Assert.Equal(DnsOutcome.Failed, (await Dns.DmarcAsync("sub.lab.example", Cancellation)).Outcome);
    }

    [Fact]
    public async Task A_long_answer_is_read_in_full_over_TCP()
    {
        var text = string.Concat(Enumerable.Range(0, 300).Select(n => $"{n:d9} "));
        Zone.Set("lab.example", DnsRecord.Txt([.. text.Chunk(250).Select(chunk => new string(chunk))]));

        Assert.Equal([text], (await Dns.TxtAsync("lab.example", Cancellation)).Records);
        Assert.True(Zone.QuestionsFor("lab.example", DnsRecordType.Txt) >= 2);
    }

    [Theory]
    [InlineData(200, 1, 64)]
    [InlineData(20, 10, 13)]
    public async Task A_very_large_answer_is_stored_in_part_and_marked_as_partial(int records, int strings, int stored)
    {
        Zone.Set("lab.example", [.. Enumerable.Range(0, records).Select(n => DnsRecord.Txt([.. Enumerable.Repeat($"{n:d250}", strings)]))]);

        var answer = await Dns.TxtAsync("lab.example", Cancellation);

        Assert.Equal((stored, $"{stored} of {records} records are stored"), (answer.Records.Count, answer.Detail));
        Assert.All(answer.Records, record => Assert.Equal(250 * strings, record.Length));
    }

    private static (string, string) NameAndRecord(DnsAnswer answer) => (answer.Name, Assert.Single(answer.Records));
}
