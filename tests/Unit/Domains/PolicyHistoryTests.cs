using StsFunctions.Core.Domains;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class PolicyHistoryTests
{
    private static readonly DateTimeOffset Start = TestStorage.Noon;
    private static readonly ServingOptions Serving = new();
    private static readonly TimeSpan Lingering = TimeSpan.FromSeconds(30) + TimeSpan.FromHours(24);

    [Fact]
    [Trait("Conformance", "OPS-4")]
    public void A_replaced_policy_has_expired_at_senders_when_its_max_age_has_passed_since_it_was_last_served()
    {
        var policy = Version(PolicyMode.Enforce, maxAgeDays: 7, fromDay: 0, toDay: 10);

        Assert.Equal(Start.AddDays(17) + Lingering, policy.ForgottenAt(Start.AddDays(100), Serving));
    }

    [Fact]
    [Trait("Conformance", "OPS-4")]
    public void A_served_policy_expires_at_senders_no_sooner_than_if_it_ended_now()
    {
        var policy = Version(PolicyMode.Enforce, maxAgeDays: 7, fromDay: 0, toDay: null);

        Assert.Equal(Start.AddDays(107) + Lingering, policy.ForgottenAt(Start.AddDays(100), Serving));
    }

    public static TheoryData<string, int?> Histories => new()
    {
        // (mode, max_age in days, from day, to day; - is still served), then the day from which removal is safe.
        { "", 0 },
        { "enforce 7 0 -", null },
        { "testing 7 0 -", null },
        { "none 1 0 -", 0 },
        { "enforce 7 0 10 | none 1 10 -", 17 },
        { "enforce 30 0 1 | testing 1 1 10 | none 1 10 -", 31 },
        { "enforce 365 0 1 | none 1 1 2 | enforce 1 2 3 | none 1 3 -", 366 },
        { "enforce 7 0 10 | none 1 10 11 | testing 1 11 -", null },
        { "testing 1 0 10 | none 365 10 -", 11 },
    };

    [Theory]
    [MemberData(nameof(Histories))]
    [Trait("Conformance", "OPS-3")]
    public void Removal_is_safe_once_every_published_policy_has_expired_at_senders(string history, int? day)
    {
        var policies = history.Split(" | ", StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split(' ')).Select(p => Version(
            Enum.Parse<PolicyMode>(p[0], ignoreCase: true), int.Parse(p[1], null), int.Parse(p[2], null), p[3] == "-" ? null : int.Parse(p[3], null))).ToList();

        var safe = policies.SafeToRemoveAt(Start.AddDays(500), Serving);

        Assert.Equal(day is null ? null : day == 0 ? DateTimeOffset.MinValue : Start.AddDays(day.Value) + Lingering, safe);
    }

    private static PolicyVersion Version(PolicyMode mode, int maxAgeDays, int fromDay, int? toDay) =>
        new($"{fromDay:d14}", [], mode, TimeSpan.FromDays(maxAgeDays), Start.AddDays(fromDay), toDay is null ? null : Start.AddDays(toDay.Value), "default");
}
