using System.Net;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Observations;
using StsFunctions.UseCases.Checks;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>What an instance knows of MX hosts without asking storage.</summary>
public sealed class RecentProbesTests
{
    private const string Host = "mx.example.com";
    private const string Run = "20260314120000000";
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");

    private readonly FakeTimeProvider _time = new(TestStorage.Noon);
    private readonly RecentProbes _recent;

    public RecentProbesTests() => _recent = new RecentProbes(_time);

    [Fact]
    public void A_probe_serves_its_own_check_run_and_earlier_ones_and_no_later_one()
    {
        Note(SmtpOutcome.Completed);

        Assert.NotNull(_recent.Find(Host, Address, Run));
        Assert.NotNull(_recent.Find(Host, Address, "20260313120000000"));
        Assert.Null(_recent.Find(Host, Address, Run + ".2"));
        Assert.Null(_recent.Find(Host, IPAddress.Parse("192.0.2.26"), Run));
        Assert.Null(_recent.Find("mx2.example.com", Address, Run));
    }

    [Fact]
    public void A_probe_that_confirms_another_is_no_older_than_the_maximum_age()
    {
        Note(SmtpOutcome.Completed);
        _time.Advance(TimeSpan.FromMinutes(3));

        Assert.NotNull(_recent.Find(Host, Address, Run));
        Assert.Null(_recent.Find(Host, Address, new CheckAttempt(Run, TimeSpan.FromMinutes(2.5))));
    }

    [Theory]
    [InlineData(nameof(SmtpOutcome.ConnectionTimedOut))]
    [InlineData(nameof(SmtpOutcome.ConnectionRefused))]
    [InlineData(nameof(SmtpOutcome.NoRoute))]
    [InlineData(nameof(SmtpOutcome.NotObserved))]
    [InlineData(nameof(SmtpOutcome.DeadlineExceeded))]
    public void An_inconclusive_probe_is_read_from_storage_again_because_an_agent_may_have_answered(string outcome)
    {
        Note(Enum.Parse<SmtpOutcome>(outcome));

        Assert.Null(_recent.Find(Host, Address, Run));
    }

    [Fact]
    public void A_probe_of_the_future_serves_only_its_own_check_run()
    {
        Note(SmtpOutcome.Completed, "20270314120000000");

        Assert.Null(_recent.Find(Host, Address, Run));
        Assert.NotNull(_recent.Find(Host, Address, "20270314120000000"));
    }

    [Fact]
    public void Large_probes_take_bounded_memory()
    {
        // Sixteen of a megabyte fit, and the seventeenth starts over.
        for (var n = 0; n < 17; n++)
        {
            _recent.Note($"mx{n}.example.com", Address, ResultOf(SmtpOutcome.Completed), Run, TestStorage.Noon, 1024 * 1024);
        }

        Assert.Null(_recent.Find("mx0.example.com", Address, Run));
        Assert.NotNull(_recent.Find("mx16.example.com", Address, Run));
    }

    private void Note(SmtpOutcome outcome, string run = Run) => _recent.Note(Host, Address, ResultOf(outcome), run, TestStorage.Noon, 1000);

    private static MxProbeResult ResultOf(SmtpOutcome outcome) => new(new SmtpSession("192.0.2.25", outcome), []);
}
