using MimeKit;

namespace StsFunctions.Reports;

/// <summary>Why nothing came of what came.</summary>
internal enum Unreadable
{
    /// <summary>It is something else.</summary>
    NoReport,

    /// <summary>It is a report, and breaks a rule that nothing stands in for.</summary>
    Refused,

    /// <summary>It is broken, or cut short.</summary>
    Broken,

    /// <summary>It is larger, or wrapped in more, than is read.</summary>
    OverLimit,

    /// <summary>It does not tell which domain it is for, nor does anything around it.</summary>
    Unattributed,
}

/// <summary>What came is not a report, or more than is read. The message says why, in words for its sender.</summary>
internal sealed class UnreadableReportException(string message, bool isTooLarge = false, Exception? cause = null, Unreadable why = Unreadable.NoReport)
    : Exception(message, cause)
{
    /// <summary>Whether its size, as it came, is why.</summary>
    public bool IsTooLarge => isTooLarge;

    /// <summary>The mail that it is, if it is one that could be read: somebody may have signed it.</summary>
    public MimeMessage? Mail { get; set; }

    /// <summary>Why.</summary>
    public Unreadable Why => isTooLarge ? Unreadable.OverLimit : why;
}
