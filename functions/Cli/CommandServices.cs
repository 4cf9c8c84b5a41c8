using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using StsFunctions.Core.Options;

namespace StsFunctions.Cli;

/// <summary>The services that a command uses, with the settings of the environment.</summary>
internal static class CommandServices
{
    /// <summary>Creates them; null if settings are not valid, which the error output then says.</summary>
    public static async Task<ServiceProvider?> CreateAsync(Action<IServiceCollection> add)
    {
        var collection = new ServiceCollection();
        collection.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddEnvironmentVariables().Build());
        collection.AddLogging();
        add(collection);
        var services = collection.BuildServiceProvider();
        var faults = services.FindWrongSettings();
        if (faults.Count == 0)
        {
            return services;
        }

        await services.DisposeAsync();
        await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, faults));
        return null;
    }

    /// <summary>Replaces options of the settings by those of the command's arguments.</summary>
    public static IServiceCollection Change<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        this IServiceCollection services, Func<TOptions, TOptions> change)
        where TOptions : class =>
        services.AddSingleton(provider => change(provider.GetRequiredService<IOptionsMonitor<TOptions>>().CurrentValue));
}
