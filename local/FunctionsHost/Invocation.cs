namespace StsFunctions.Local.FunctionsHost;

/// <summary>What started an invocation.</summary>
public enum TriggerKind
{
    /// <summary>A request on a route.</summary>
    Http,

    /// <summary>A schedule, or someone who asked for it now.</summary>
    Timer,

    /// <summary>A queue message.</summary>
    Queue,
}

/// <summary>How an invocation ended.</summary>
public enum InvocationStatus
{
    /// <summary>The handler answered (HTTP: with any status; else as the contract asks).</summary>
    Succeeded,

    /// <summary>The handler refused, crashed, or was too slow.</summary>
    Failed,

    /// <summary>The handler gave an answer that would hang the invocation in Azure.</summary>
    ContractBreach,
}

/// <summary>One finished call of a function.</summary>
/// <param name="Id">The id that the handler got as X-Azure-Functions-InvocationId.</param>
/// <param name="Function">The function's name: its folder's.</param>
/// <param name="Trigger">What started it.</param>
/// <param name="Status">How it ended.</param>
/// <param name="Started">When it began, UTC.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="HttpStatus">The status code answered to an HTTP caller, else null.</param>
/// <param name="Error">Why it did not succeed, else null.</param>
public sealed record Invocation(
    Guid Id, string Function, TriggerKind Trigger, InvocationStatus Status, DateTimeOffset Started, TimeSpan Duration, int? HttpStatus, string? Error);
