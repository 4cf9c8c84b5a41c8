using System.Reflection;
using Microsoft.Extensions.Logging.Debug;
using Microsoft.Extensions.Logging.EventSource;

namespace StsFunctions.Hosting;

/// <summary>Takes out what the framework adds for apps of another kind, and what would cost every start of the worker: time, memory and processor time.</summary>
internal static class LeanStart
{
    // ConfigureFunctionsWebApplication() adds the whole of MVC with Razor pages, for functions that answer with an IActionResult.
    // Ours write their answers, or return an IResult, which needs none of it. Of what it brings, a start pays for most: a key ring for
    // data protection, made or read from disk, with XML and encryption, and filters that the pipeline is built with.
    private static readonly string[] s_unused =
    [
        "Microsoft.AspNetCore.Antiforgery", "Microsoft.AspNetCore.Components", "Microsoft.AspNetCore.DataProtection", "Microsoft.AspNetCore.Mvc", "Microsoft.AspNetCore.Razor",
    ];

    /// <summary>Nothing here changes while it runs: files of settings need no watchers.</summary>
    public static void WithoutFileWatchers() => Environment.SetEnvironmentVariable("DOTNET_hostBuilder__reloadConfigOnChange", "false");

    /// <summary>Removes the services that nothing here uses.</summary>
    public static void RemoveUnused(this IServiceCollection services)
    {
        for (var i = services.Count - 1; i >= 0; i--)
        {
            if (IsUnused(services[i]))
            {
                services.RemoveAt(i);
            }
        }
    }

    private static bool IsUnused(ServiceDescriptor service) =>
        // Logs go to the Functions host, by a provider of the worker's own; nobody listens to these.
        (service.ServiceType == typeof(ILoggerProvider) && (service.ImplementationType == typeof(DebugLoggerProvider) || service.ImplementationType == typeof(EventSourceLoggerProvider)))
        || IsUnused(service.ServiceType.Assembly)
        || (!service.IsKeyedService && ImplementationOf(service) is { } implementation && IsUnused(implementation));

    private static Assembly? ImplementationOf(ServiceDescriptor service) =>
        service.ImplementationType?.Assembly ?? service.ImplementationInstance?.GetType().Assembly ?? service.ImplementationFactory?.Method.Module.Assembly;

    private static bool IsUnused(Assembly assembly) => assembly.GetName().Name is { } name && s_unused.Any(unused => name.StartsWith(unused, StringComparison.Ordinal));
}
