using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using StsFunctions.App.Hosting;

namespace StsFunctions.Tests.Hosting;

/// <summary>Settings as an operator writes them, and what the app makes of them.</summary>
internal static class TestSettings
{
    /// <summary>The settings as environment variables come into the configuration.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> AsConfiguration(IEnumerable<KeyValuePair<string, string>> settings) =>
        settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value));

    /// <summary>The app's services with these settings and no others; nothing is validated yet.</summary>
    public static ServiceProvider Services(IEnumerable<KeyValuePair<string, string>> settings)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(AsConfiguration(settings)).Build());
        services.AddLogging();
        services.AddStsFunctions();
        return services.BuildServiceProvider();
    }
}
