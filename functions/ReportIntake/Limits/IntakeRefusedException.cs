namespace StsFunctions.ReportIntake.Limits;

/// <summary>A posted body is refused. The message says why.</summary>
internal sealed class IntakeRefusedException(int status, string message, TimeSpan? retryAfter = null) : Exception(message)
{
    /// <summary>The HTTP status.</summary>
    public int Status => status;

    /// <summary>When to retry.</summary>
    public TimeSpan? RetryAfter => retryAfter;
}
