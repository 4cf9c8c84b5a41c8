using StsFunctions.Core.Text;

namespace StsFunctions.Core.Observations;

/// <summary>
/// Decides what an exception concerns. An exception while one item is observed (a lookup, a session, a policy fetch, a certificate)
/// concerns that item alone; a <see cref="CheckAbortedException"/> concerns the whole check, which is then retried.
/// </summary>
internal static class FailureIsolation
{
    private const int MaxMessage = 200;

    /// <summary>Whether an exception concerns the item that was observed, so that the check of everything else continues.</summary>
    public static bool ConcernsItem(Exception exception) => exception is not (OperationCanceledException or CheckAbortedException or OutOfMemoryException);

    /// <summary>An exception in a few words of plain text, as the detail of an item that could not be observed.</summary>
    public static string Describe(Exception exception)
    {
        var message = TextSanitizer.ToSingleLine(exception.Message);
        return $"{exception.GetType().Name}: {(message.Length <= MaxMessage ? message : message[..MaxMessage])}";
    }
}
