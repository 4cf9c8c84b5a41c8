namespace StsFunctions.Reports;

/// <summary>A body that is posted is not taken now, whatever it is. The message says why, in words for its sender.</summary>
internal sealed class IntakeRefusedException(int status, string message, TimeSpan? retryAfter = null) : Exception(message)
{
    /// <summary>The HTTP status that says so.</summary>
    public int Status => status;

    /// <summary>When to come again.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}
