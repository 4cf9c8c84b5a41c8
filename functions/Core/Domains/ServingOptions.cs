using StsFunctions.Core.Options;

namespace StsFunctions.Core.Domains;

/// <summary>How long a served copy may be behind the stored one (RFC 8461 §8.1: both times count into when an old policy is last served).</summary>
internal sealed record ServingOptions
{
    /// <summary>A copy this young is served without a request to storage. 1 to 45 seconds; by default 30 seconds.</summary>
    public TimeSpan CacheTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>While storage is down, a copy is served up to this age. Up to 7 days; by default one day.</summary>
    public TimeSpan MaxStale { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Binds the options to their settings.</summary>
    public static ServingOptions Bind(SettingsBinder settings)
    {
        var defaults = new ServingOptions();
        return new()
        {
            CacheTime = settings.Time("Sts__CacheTime", defaults.CacheTime, least: TimeSpan.FromSeconds(1), most: TimeSpan.FromSeconds(45)),
            MaxStale = settings.Time("Sts__MaxStale", defaults.MaxStale, least: TimeSpan.Zero, most: TimeSpan.FromDays(7)),
        };
    }
}
