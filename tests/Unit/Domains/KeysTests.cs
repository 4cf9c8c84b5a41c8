using CsCheck;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Tests.Protocol;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class KeysTests
{
    // Azure Storage: 1 KiB of UTF-16 a key.
    private const int MaxKey = 512;

    private static readonly Gen<DateTimeOffset> Time =
        Gen.DateTime[new DateTime(2016, 1, 1), new DateTime(2090, 1, 1)].Select(time => new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc)));

    [Fact]
    public void No_key_contains_a_forbidden_character_for_any_hostile_part()
    {
        Gen.Select(Gen.String, Gen.String, Time).Sample((one, other, time) =>
        {
            string[] keys =
            [
                Keys.Finding("mx.certificate.name-mismatch", one), Keys.Outbox("20260314120000", Finding(one), Change.Opened), Keys.Audit(time, one),
                ReportIdentity.Of(DateOnly.FromDateTime(time.UtcDateTime), one, other, time), ContentHash.Of(one),
            ];
            Assert.All(keys, key =>
            {
                Assert.InRange(key.Length, 1, MaxKey);
                Assert.DoesNotContain(key, c => c is '/' or '\\' or '#' or '?' || char.IsControl(c) || c > '~');
            });
        }, iter: 5_000);
    }

    [Fact]
    public void Equal_things_have_equal_keys_and_different_things_different_ones()
    {
        Gen.Select(Gen.String, Gen.String, Time).Sample((one, other, time) =>
        {
            Assert.Equal(Keys.Finding("c", one), Keys.Finding("c", string.Concat(one)));
            if (one != other)
            {
                Assert.NotEqual(Keys.Finding("c", one), Keys.Finding("c", other));
                Assert.NotEqual(Keys.Audit(time, one), Keys.Audit(time, other));
                Assert.NotEqual(ContentHash.Of(one), ContentHash.Of(other));
            }
        }, iter: 5_000);
    }

    [Fact]
    public void A_plain_name_stays_readable()
    {
        Assert.Equal("f:mx.certificate.name-mismatch:mx1.example.com", Keys.Finding("mx.certificate.name-mismatch", "mx1.example.com"));
        Assert.Equal("o:20260314120000:mx.policy.mismatch:mx1.example.com:resolved", Keys.Outbox("20260314120000", Finding("mx1.example.com") with { Code = "mx.policy.mismatch" }, Change.Resolved));
    }

    [Fact]
    public void Days_and_their_reports_sort_by_time()
    {
        Gen.Select(Time, Time, Gen.String).Where((a, b, _) => a.UtcDateTime.Date < b.UtcDateTime.Date).Sample((earlier, later, text) =>
        {
            var (day, next) = (DateOnly.FromDateTime(earlier.UtcDateTime), DateOnly.FromDateTime(later.UtcDateTime));
            Assert.True(string.CompareOrdinal(ReportIdentity.Day(day), ReportIdentity.Day(next)) < 0);
            // Between the first key of its own day and the first of every later one.
            Assert.True(string.CompareOrdinal(ReportIdentity.Day(day), ReportIdentity.Of(day, text, text, earlier)) < 0);
            Assert.True(string.CompareOrdinal(ReportIdentity.Of(day, text, text, earlier), ReportIdentity.Day(next)) < 0);
        }, iter: 2_000);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public void The_identity_of_a_report_is_its_submitter_id_and_start_in_any_time_zone()
    {
        var start = TestStorage.Noon;
        var day = DateOnly.FromDateTime(start.UtcDateTime);
        var key = ReportIdentity.Of(day, "Company-X", "id", start);

        Assert.Equal(key, ReportIdentity.Of(day, "company-x", "id", start.ToOffset(TimeSpan.FromHours(5))));
        Assert.NotEqual(key, ReportIdentity.Of(day, "Company-Y", "id", start));
        Assert.NotEqual(key, ReportIdentity.Of(day, "Company-X", "ID", start));
        Assert.NotEqual(key, ReportIdentity.Of(day, "Company-X", "id", start.AddSeconds(1)));
    }

    [Fact]
    public void Timestamps_sort_by_time_and_inverted_ones_in_reverse()
    {
        Gen.Select(Time, Time).Where((a, b) => a.AddSeconds(1) <= b).Sample((earlier, later) =>
        {
            Assert.True(string.CompareOrdinal(Keys.Timestamp(earlier), Keys.Timestamp(later)) < 0);
            Assert.True(string.CompareOrdinal(Keys.InvertedTimestamp(earlier), Keys.InvertedTimestamp(later)) > 0);
        }, iter: 2_000);
    }

    [Fact]
    public void Every_domain_has_one_of_sixteen_shards_and_a_fraction_of_the_check_run()
    {
        Gens.DomainName.Sample(domain =>
        {
            Assert.Contains(Keys.Shard(domain), Keys.Shards);
            Assert.Equal(Keys.Shard(domain), Keys.Shard(DomainName.Parse(domain.Value.ToUpperInvariant())));
            Assert.InRange(Keys.SpreadFraction(domain), 0, 0.99999);
        }, iter: 2_000);
    }

    [Fact]
    public void Domains_are_spread_evenly()
    {
        var domains = Enumerable.Range(0, 16_000).Select(n => DomainName.Parse($"domain{n}.example")).ToList();

        Assert.All(domains.CountBy(Keys.Shard), shard => Assert.InRange(shard.Value, 800, 1_200));
        Assert.All(domains.CountBy(domain => (int)(Keys.SpreadFraction(domain) * 10)), tenth => Assert.InRange(tenth.Value, 1_400, 1_800));
        Assert.Equal(16, Keys.Shards.Count());
    }

    [Fact]
    public void No_domain_has_the_key_of_the_installation_partition() => Assert.False(DomainName.TryParse(Installation.Partition, out _));

    private static Finding Finding(string subject) => new("mx.certificate.name-mismatch", Severity.Info, subject, "", "", "", "");
}
