namespace StsFunctions.Core.Time;

/// <summary>
/// How far a stored time may be ahead of this machine's clock. Several machines write, and a clock that was wrong once must not
/// block anything until that time: what is further ahead counts as never written, and is overwritten.
/// </summary>
internal static class ClockSkew
{
    /// <summary>How far one machine's clock may be ahead of another's: far more than the seconds of a machine that asks a time server.</summary>
    public static readonly TimeSpan Allowed = TimeSpan.FromMinutes(5);

    /// <summary>Whether a stored time is further ahead than clocks differ.</summary>
    public static bool IsFuture(DateTimeOffset? time, DateTimeOffset now) => time > now + Allowed;

    /// <summary>Whether a check run, or an attempt of one, is further in the future than clocks differ.</summary>
    public static bool IsFutureCheckRun(string? checkRun, DateTimeOffset now) => checkRun is not null && string.CompareOrdinal(CheckRunId.RunOf(checkRun), CheckRunId.Of(now + Allowed)) > 0;

    /// <summary>Whether a lease is live: it has not ended, and does not end later than one that is taken right now.</summary>
    public static bool IsLive(DateTimeOffset? until, TimeSpan longestLease, DateTimeOffset now) => until > now && until <= now + longestLease + Allowed;

    /// <summary>Whether something was done within a time gone by; what is done in the future was not.</summary>
    public static bool IsWithin(DateTimeOffset? done, TimeSpan time, DateTimeOffset now) => done is { } at && now - at < time && !IsFuture(at, now);
}
