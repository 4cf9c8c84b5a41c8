namespace StsFunctions.Core.Reports;

/// <summary>How well a sender must be known for its report to count: each level takes what the one before it takes, and more.</summary>
internal enum RequiredAuthentication
{
    /// <summary>Mail with a valid DKIM signature of the reporting domain itself, as RFC 8460 §3 asks.</summary>
    Aligned,

    /// <summary>Mail with a valid DKIM signature of whatever domain.</summary>
    Signed,

    /// <summary>Mail, and files that were dropped into the inbox, whoever they are from.</summary>
    Any,
}

/// <summary>
/// Which reports count: in sums, in findings above <c>info</c>, and where a guard asks what senders see. Anybody can write a
/// report, so all of these ask here and nowhere else (ARR-3).
/// </summary>
/// <param name="Level">Set by <c>Sts__ReportAuthentication</c>.</param>
internal sealed record ReportAuthenticationPolicy(RequiredAuthentication Level)
{
    /// <summary>What counts unless something else is set.</summary>
    public static ReportAuthenticationPolicy Default { get; } = new(RequiredAuthentication.Aligned);

    /// <summary>Whether a report's sender is known well enough. A POST is authenticated by nothing (RFC 8460 §5.4): it is shown, and never counts.</summary>
    public bool Counts(Report report) => report.Source != ReportSource.Https && Level switch
    {
        RequiredAuthentication.Aligned => report.Authentication >= AuthenticationResult.PassByReceiver,
        RequiredAuthentication.Signed => report.Authentication >= AuthenticationResult.Signed,
        _ => true,
    };

    /// <summary>How well a sender is known, whatever the level: of several bodies of one identity that of the greatest counts, and what counts is before what does not at every level (RPT-6).</summary>
    public static int Rank(Report report) => report.Source == ReportSource.Https ? -1 : (int)report.Authentication;

    /// <summary>Whether a body's sender is less well known than another's of the same identity. Whoever found the sender's own signature, it is that.</summary>
    public static bool IsLessAuthenticated(Report body, Report than) => Math.Min(Rank(body), (int)AuthenticationResult.PassByReceiver) < Math.Min(Rank(than), (int)AuthenticationResult.PassByReceiver);
}
