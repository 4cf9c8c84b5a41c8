using StsFunctions.Core.Time;

namespace StsFunctions.Core.Observations;

/// <summary>One look of a round, and what of others may stand for it.</summary>
/// <param name="Key">The look's key (<see cref="CheckRunId.Attempt"/>).</param>
/// <param name="MaxAge">How long ago a look that somebody else made may have been; null for any of the round.</param>
internal readonly record struct CheckAttempt(string Key, TimeSpan? MaxAge = null)
{
    public static implicit operator CheckAttempt(string key) => new(key);
}
