namespace StsFunctions.Core.Reports;

/// <summary>How well a sender must be known for its report to count: each level takes what the one before it takes, and more.</summary>
internal enum RequiredAuthentication
{
    /// <summary>Mail with a valid DKIM signature of the reporting domain itself, as RFC 8460 §3 asks.</summary>
    Aligned,

    /// <summary>Mail with a valid DKIM signature of any domain.</summary>
    Signed,

    /// <summary>Mail, and files in the inbox, from any sender.</summary>
    Any,
}

/// <summary>
/// Which reports count: in sums, in findings above <c>info</c>, and where a guard needs to know what senders observe. Anybody can write a
/// report, so this decides for all of them (ARR-3).
/// </summary>
/// <param name="Level">Set by <c>Sts__ReportAuthentication</c>.</param>
internal sealed record ReportAuthenticationPolicy(RequiredAuthentication Level)
{
    /// <summary>What counts unless something else is set.</summary>
    public static ReportAuthenticationPolicy Default { get; } = new(RequiredAuthentication.Aligned);

    /// <summary>Whether a report's sender is authenticated well enough. Nothing authenticates a POST (RFC 8460 §5.4): it is listed, and never counts.</summary>
    public bool Counts(Report report) => report.Source != ReportSource.Https && Level switch
    {
        RequiredAuthentication.Aligned => report.Authentication >= AuthenticationResult.PassByReceiver,
        RequiredAuthentication.Signed => report.Authentication >= AuthenticationResult.Signed,
        _ => true,
    };

    /// <summary>The rank of a sender's authentication, at any level: of several bodies of one identity the highest counts, and what counts ranks above what does not (RPT-6).</summary>
    public static int Rank(Report report) => report.Source == ReportSource.Https ? -1 : (int)report.Authentication;

    /// <summary>Whether a body's sender is less well authenticated than another's of the same identity. The sender's own signature ranks the same, whether this app or the receiver verified it.</summary>
    public static bool IsLessAuthenticated(Report body, Report than) => Math.Min(Rank(body), (int)AuthenticationResult.PassByReceiver) < Math.Min(Rank(than), (int)AuthenticationResult.PassByReceiver);
}
