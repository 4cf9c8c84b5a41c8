namespace StsFunctions.Domains;

/// <summary>How long a served copy may be behind the stored one (RFC 8461 §8.1: both count into when an old policy is last served).</summary>
/// <param name="CacheTime">A copy this young is served without a look at storage.</param>
/// <param name="MaxStale">While storage is down, a copy is served up to this age.</param>
internal sealed record ServingSettings(TimeSpan CacheTime, TimeSpan MaxStale);
