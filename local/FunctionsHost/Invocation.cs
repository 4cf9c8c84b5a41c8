namespace StsFunctions.Local.FunctionsHost;

/// <summary>One finished invocation of a function.</summary>
/// <param name="Id">The host's id of it.</param>
/// <param name="Function">The function's name.</param>
/// <param name="Succeeded">Whether it succeeded. An HTTP invocation succeeds with any status of the response.</param>
/// <param name="Duration">How long it took.</param>
public sealed record Invocation(string Id, string Function, bool Succeeded, TimeSpan Duration)
{
    /// <summary>The status that an HTTP client got; null elsewhere, and for a host that does not report it.</summary>
    public int? HttpStatus { get; init; }

    /// <summary>Why it did not succeed; null for a host that does not report it.</summary>
    public string? Error { get; init; }
}
