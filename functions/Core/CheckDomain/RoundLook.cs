namespace StsFunctions.CheckDomain;

/// <summary>One look of a round, and what of others may stand for it.</summary>
/// <param name="Key">The look's key (<see cref="Domains.Keys.Look"/>).</param>
/// <param name="Oldest">How long ago a look that somebody else made may have been; null for any of the round.</param>
internal readonly record struct RoundLook(string Key, TimeSpan? Oldest = null)
{
    public static implicit operator RoundLook(string key) => new(key);
}
