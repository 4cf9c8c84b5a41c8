using StsFunctions.Core.Text;

namespace StsFunctions.Core.Observations;

/// <summary>
/// Decides whose failure an exception is. What observing one item throws (a lookup, a session, a policy fetch, a certificate)
/// concerns that item alone; a <see cref="CheckAbortedException"/> concerns the whole check, which is then retried.
/// </summary>
internal static class FailureIsolation
{
    private const int MaxMessage = 200;

    /// <summary>Whether an exception concerns the item that was observed, so that everything else of the domain goes on.</summary>
    public static bool ConcernsItem(Exception exception) => exception is not (OperationCanceledException or CheckAbortedException or OutOfMemoryException);

    /// <summary>An exception in a few words of plain text, as the detail of an item that could not be observed.</summary>
    public static string Describe(Exception exception)
    {
        var message = TextSanitizer.ToSingleLine(exception.Message);
        return $"{exception.GetType().Name}: {(message.Length <= MaxMessage ? message : message[..MaxMessage])}";
    }
}
