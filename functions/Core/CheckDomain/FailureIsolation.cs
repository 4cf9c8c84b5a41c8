using Azure;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>
/// Decides whose failure an exception is. What observing one item throws (a lookup, a session, a policy fetch, a certificate)
/// concerns that item alone; what storage throws concerns the whole run, which is then retried.
/// </summary>
internal static class FailureIsolation
{
    /// <summary>Whether an exception concerns the item that was observed, so that everything else of the domain goes on.</summary>
    public static bool ConcernsItem(Exception exception) => exception is not (
        OperationCanceledException or RequestFailedException or AggregateException or ConcurrentChangeException or OutOfMemoryException);

    /// <summary>An exception in a few words of plain text, as the detail of an item that could not be observed.</summary>
    public static string Describe(Exception exception) => $"{exception.GetType().Name}: {SmtpTalk.Shown(exception.Message)}";
}
