using StsFunctions.Core.Time;

namespace StsFunctions.Core.Observations;

/// <summary>One attempt of a check run, and which shared probes it may use.</summary>
/// <param name="Key">The attempt's key (<see cref="CheckRunId.Attempt"/>).</param>
/// <param name="MaxAge">How old a probe of another check may be; null for any of the check run.</param>
internal readonly record struct CheckAttempt(string Key, TimeSpan? MaxAge = null)
{
    public static implicit operator CheckAttempt(string key) => new(key);
}
