using StsFunctions.Core.Observations;
using Xunit;

namespace StsFunctions.Tests.Checks;

public sealed class ObservationTests
{
    [Theory]
    [InlineData(nameof(SmtpOutcome.Completed), false, false)]
    [InlineData(nameof(SmtpOutcome.ConnectionRefused), false, false)]
    [InlineData(nameof(SmtpOutcome.ConnectionDropped), false, false)]
    [InlineData(nameof(SmtpOutcome.NoRoute), false, true)]
    [InlineData(nameof(SmtpOutcome.DeadlineExceeded), true, true)]
    [InlineData(nameof(SmtpOutcome.NotObserved), true, true)]
    [InlineData(nameof(SmtpOutcome.SessionTimedOut), false, false)]
    [Trait("Conformance", "MX-7")]
    public void An_incomplete_observation_is_checked_again_and_a_domain_with_unreachable_servers_is_not_observed(string outcome, bool isBlurred, bool isUnseen)
    {
        var observation = TestObservations.With(TestObservations.Host("mx.example.com", TestObservations.Failed("192.0.2.1", Enum.Parse<SmtpOutcome>(outcome))));

        Assert.Equal((isBlurred, isUnseen), (observation.IsIncomplete, observation.MxUnreachableFromHere));
    }

    [Fact]
    public void One_server_that_answers_is_enough_to_observe_a_domain() =>
        Assert.False(TestObservations.With(TestObservations.Host("mx.example.com", TestObservations.Failed("192.0.2.1", SmtpOutcome.NoRoute), TestObservations.Failed("192.0.2.2", SmtpOutcome.Rejected))).MxUnreachableFromHere);
}
