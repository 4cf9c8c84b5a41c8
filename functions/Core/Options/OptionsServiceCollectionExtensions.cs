using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace StsFunctions.Core.Options;

/// <summary>Options out of settings, validated at start.</summary>
internal static class OptionsServiceCollectionExtensions
{
    /// <summary>
    /// Adds options that are bound by a function and validated at start. A consumer takes them as they are, without
    /// <see cref="IOptions{TOptions}"/>: settings do not change while the app runs.
    /// </summary>
    public static IServiceCollection AddOptions<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
        this IServiceCollection services, Func<SettingsBinder, TOptions> bind)
        where TOptions : class
    {
        services.AddOptions<TOptions>().ValidateOnStart();
        services.AddSingleton<IOptionsFactory<TOptions>>(provider => new SettingsOptionsFactory<TOptions>(
            provider.GetRequiredService<IConfiguration>(), bind, provider.GetServices<IValidateOptions<TOptions>>()));
        // The very object that was validated.
        services.AddSingleton(provider => provider.GetRequiredService<IOptionsMonitor<TOptions>>().CurrentValue);
        return services;
    }

    /// <summary>The same, with a validator of what one setting alone does not show.</summary>
    public static IServiceCollection AddOptions<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions,
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TValidator>(
        this IServiceCollection services, Func<SettingsBinder, TOptions> bind)
        where TOptions : class
        where TValidator : class, IValidateOptions<TOptions>
    {
        services.AddSingleton<IValidateOptions<TOptions>, TValidator>();
        return services.AddOptions(bind);
    }

    /// <summary>Validates all options, as a host does at its start: one line for each setting that is wrong.</summary>
    public static IReadOnlyList<string> FindWrongSettings(this IServiceProvider services)
    {
        try
        {
            services.GetRequiredService<IStartupValidator>().Validate();
            return [];
        }
        catch (OptionsValidationException e)
        {
            return [.. e.Failures];
        }
        catch (AggregateException e) when (e.InnerExceptions.All(inner => inner is OptionsValidationException))
        {
            return [.. e.InnerExceptions.Cast<OptionsValidationException>().SelectMany(inner => inner.Failures)];
        }
    }
}
