using System.Globalization;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Domains;
using StsFunctions.UseCases.Checks;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>What follows from an observation of a hosted domain.</summary>
public sealed class CheckEvaluationTests
{
    private static readonly DateTimeOffset Known = TestObservations.At.AddDays(40);
    private static readonly CheckRunRules Rules = new(TimeSpan.FromMinutes(5), RemoteProbeRequester.Timeout, RuleEngine.RequiresConfirmation);

    [Fact]
    public void An_observation_gives_the_same_decision_every_time_in_every_culture()
    {
        var observation = TestObservations.With(
            TestObservations.Host("mx1.example.com", TestObservations.Session("192.0.2.1", TestObservations.Certificate("mx1.example.com", -91, -1))),
            TestObservations.Host("mx2.example.com", TestObservations.Failed("192.0.2.2", SmtpOutcome.StartTlsMissing)));
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NumberDecimalSeparator = ",";
        culture.DateTimeFormat.ShortDatePattern = "yy.dd.MM";

        var first = Decide(observation);
        var again = Decide(observation);
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        var elsewhere = Decide(observation);
        CultureInfo.CurrentCulture = before;

        Assert.Equal(first, again);
        Assert.Equal(first, elsewhere);
        Assert.Contains("mx.certificate.expired", first, StringComparison.Ordinal);
        Assert.Contains("mx.starttls.missing ×1", first, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public void The_known_expiry_stays_while_port_25_is_blocked()
    {
        var blocked = TestObservations.With(TestObservations.Host("mx1.example.com", TestObservations.Failed("192.0.2.1", SmtpOutcome.ConnectionTimedOut))) with { OutboundSmtp = OutboundSmtp.Blocked };

        Assert.Equal(Known, Evaluate(blocked).NextExpiry);
        Assert.Null(Evaluate(blocked with { OutboundSmtp = OutboundSmtp.Open }).NextExpiry);
        Assert.NotEqual(Known, Evaluate(TestObservations.Good).NextExpiry);
    }

    [Theory]
    [Trait("Conformance", "OPS-6")]
    [InlineData(300, 3600)]
    [InlineData(7200, 7200)]
    public void The_longest_observed_TTL_of_the_record_counts(int seconds, int longest) =>
        Assert.Equal(longest, Evaluate(TestObservations.Good with { StsRecords = TestObservations.Good.StsRecords with { Ttl = seconds } }).StsTtl);

    private static CheckEvaluation Evaluate(Observation observation)
    {
        var policy = Policy.Parse("version: STSv1\nmode: enforce\nmx: mx1.example.com\nmx: mx2.example.com\nmax_age: 1209600\n"u8);
        var version = new PolicyVersion(TestObservations.PolicyId, policy.ToBytes(), policy.Mode, TimeSpan.FromSeconds(policy.MaxAge), TestObservations.At.AddDays(-13), null, "default");
        var record = new DomainRecord("default", DomainState.Active, version.Id, version.Mode, version.PublishedAt, CheckRunState.None, NextExpiry: Known, StsTtl: 3600);
        return CheckEvaluation.Of(new DomainPartition("example.com", record, default, [version], [], []), observation, TestObservations.ExpectedTargets);
    }

    private static string Decide(Observation observation)
    {
        var evaluation = Evaluate(observation);
        var outcome = CheckRunState.None.On(evaluation.ToEvent(new CheckRunDecision.StartAttempt(CheckRunTable.Today, 1), [], false, TestObservations.At), Rules);
        return string.Join('\n', [CheckRunTable.Text(outcome), CheckRunTable.Text(outcome.State), CheckRunTable.Text(outcome.Messages), .. outcome.Confirmed.Select(finding => finding.ToString())]);
    }
}
