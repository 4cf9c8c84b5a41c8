namespace StsFunctions.SweepStorage;

/// <summary>What one run came to with one kind of data.</summary>
/// <param name="Position">Where the next run goes on; empty where the end was reached.</param>
/// <param name="Deleted">How much went.</param>
/// <param name="Failures">What could not be deleted; the rest was all the same.</param>
internal sealed record RetentionPass(string Position, int Deleted, IReadOnlyList<Exception> Failures)
{
    /// <summary>How many failures end a run: storage is down then, and not one item at fault.</summary>
    public const int MaxFailures = 5;

    /// <summary>The end was reached.</summary>
    public bool IsAtEnd => Position.Length == 0;
}
