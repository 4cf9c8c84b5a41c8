using StsFunctions.Core.Findings;

namespace StsFunctions.Core.Checks;

/// <summary>What becomes of a message that asks for an attempt.</summary>
internal abstract record CheckRunDecision
{
    /// <summary>The attempt is made.</summary>
    /// <param name="Run">Its check run.</param>
    /// <param name="Number">Its number, from 1 on.</param>
    /// <param name="IsRecheck">Whether it was made before, and is repeated with the results of probe agents.</param>
    /// <param name="MaxAge">How old a shared probe may be that this attempt uses; null for any of the check run. One session must not confirm a finding twice.</param>
    /// <param name="FutureRun">The check run of a wrong clock that this one replaces; null if there is none.</param>
    internal sealed record StartAttempt(string Run, int Number, bool IsRecheck = false, TimeSpan? MaxAge = null, string? FutureRun = null) : CheckRunDecision
    {
        /// <summary>Whether it is the check run's very first.</summary>
        public bool IsFirst => Number == 1 && !IsRecheck;
    }

    /// <summary>The attempt was recorded, and what followed from it may be lost: that is sent once more.</summary>
    /// <param name="Messages">What to send.</param>
    internal sealed record Resend(IReadOnlyList<CheckRunMessage> Messages) : CheckRunDecision;

    /// <summary>Nothing is to be done: the message is late, or early, or of another check run.</summary>
    internal sealed record Ignore : CheckRunDecision;
}

/// <summary>What follows from an attempt: the state and the findings are committed, then the messages are sent.</summary>
/// <param name="State">The state to store.</param>
/// <param name="Confirmed">The findings that count now.</param>
/// <param name="ReportPort25">Whether to report port 25 as open (true) or blocked (false) to the operator; null for neither.</param>
/// <param name="Messages">What to send once all is committed.</param>
internal sealed record CheckRunOutcome(CheckRunState State, IReadOnlyList<Finding> Confirmed, bool? ReportPort25, IReadOnlyList<CheckRunMessage> Messages);

/// <summary>A message to send: the same domain, later.</summary>
/// <param name="Run">The check run.</param>
/// <param name="Attempt">The attempt to ask for.</param>
/// <param name="Delay">When it becomes visible.</param>
internal sealed record CheckRunMessage(string Run, int Attempt, TimeSpan Delay);
