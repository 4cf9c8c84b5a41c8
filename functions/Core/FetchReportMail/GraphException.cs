using System.Net;

namespace StsFunctions.FetchReportMail;

/// <summary>Microsoft Graph did not do what it was asked. The message says what to do.</summary>
internal sealed class GraphException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status => status;
}

/// <summary>Microsoft Graph wants to be left alone for a while.</summary>
internal sealed class GraphBusyException(TimeSpan retryAfter) : Exception($"Microsoft Graph wants to be asked again in {retryAfter.TotalSeconds:0} s.")
{
    public TimeSpan RetryAfter => retryAfter;
}
