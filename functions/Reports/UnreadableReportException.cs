namespace StsFunctions.Reports;

/// <summary>What came is not a report, or more than is read. The message says why, in words for its sender.</summary>
internal sealed class UnreadableReportException(string message, bool isTooLarge = false, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Whether its size is why.</summary>
    public bool IsTooLarge => isTooLarge;
}
