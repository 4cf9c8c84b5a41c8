namespace StsFunctions.Storage.Retention;

/// <summary>The result of one run for one kind of data.</summary>
/// <param name="Position">Where the next run continues; empty at the end.</param>
/// <param name="Deleted">The number of deleted items.</param>
/// <param name="Failures">The failures of single items; the rest was deleted.</param>
internal sealed record RetentionPass(string Position, int Deleted, IReadOnlyList<Exception> Failures)
{
    /// <summary>The number of failures that ends a run: then storage is down, not one item at fault.</summary>
    public const int MaxFailures = 5;

    /// <summary>Whether the end was reached.</summary>
    public bool IsAtEnd => Position.Length == 0;
}
