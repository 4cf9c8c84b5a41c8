using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using StsFunctions.Options;

namespace StsFunctions.CommandLine;

/// <summary>The services that a command uses, with the settings of the environment.</summary>
internal static class CommandServices
{
    /// <summary>Creates them; null where settings are wrong, which the error output then says.</summary>
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

    /// <summary>Has the command's services use options that differ from the settings, as its own arguments say.</summary>
    public static IServiceCollection Change<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        this IServiceCollection services, Func<TOptions, TOptions> change)
        where TOptions : class =>
        services.AddSingleton(provider => change(provider.GetRequiredService<IOptionsMonitor<TOptions>>().CurrentValue));
}
