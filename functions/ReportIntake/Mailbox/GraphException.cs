using System.Net;

namespace StsFunctions.ReportIntake.Mailbox;

/// <summary>Microsoft Graph did not carry out a request. The message says what to do.</summary>
internal sealed class GraphException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status => status;
}

/// <summary>Microsoft Graph asks to wait.</summary>
internal sealed class GraphBusyException(TimeSpan retryAfter) : Exception($"Microsoft Graph asks to retry in {retryAfter.TotalSeconds:0} s.")
{
    public TimeSpan RetryAfter => retryAfter;
}
