using MimeKit;

namespace StsFunctions.ReportIntake.Limits;

/// <summary>Why an arrival could not be read.</summary>
internal enum Unreadable
{
    /// <summary>It is not a report.</summary>
    NoReport,

    /// <summary>It is a report, and breaks a rule that cannot be tolerated.</summary>
    Refused,

    /// <summary>It is broken or truncated.</summary>
    Broken,

    /// <summary>It exceeds a limit of size or nesting.</summary>
    OverLimit,

    /// <summary>Neither the report nor its containers name the policy domain.</summary>
    Unattributed,
}

/// <summary>An arrival is not a report, or exceeds a limit. The message says why.</summary>
internal sealed class UnreadableReportException(string message, bool isTooLarge = false, Exception? cause = null, Unreadable why = Unreadable.NoReport)
    : Exception(message, cause)
{
    /// <summary>Whether its size on arrival is the reason.</summary>
    public bool IsTooLarge => isTooLarge;

    /// <summary>The mail, if the arrival is a readable one: it may be signed.</summary>
    public MimeMessage? Mail { get; set; }

    /// <summary>The reason.</summary>
    public Unreadable Why => isTooLarge ? Unreadable.OverLimit : why;
}
