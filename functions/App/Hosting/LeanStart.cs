using System.Reflection;
using Microsoft.Extensions.Logging.Debug;
using Microsoft.Extensions.Logging.EventSource;

namespace StsFunctions.App.Hosting;

/// <summary>Removes framework services for other kinds of apps, which would cost every start of the worker time, memory and processor time.</summary>
internal static class LeanStart
{
    // ConfigureFunctionsWebApplication() adds all of MVC with Razor pages, for functions that return an IActionResult.
    // These functions write their responses or return an IResult, which needs none of it. Its main costs at a start are a key ring for
    // data protection, created or read from disk, with XML and encryption, and filters that the pipeline is built with.
    private static readonly string[] Unused =
    [
        "Microsoft.AspNetCore.Antiforgery", "Microsoft.AspNetCore.Components", "Microsoft.AspNetCore.DataProtection", "Microsoft.AspNetCore.Mvc", "Microsoft.AspNetCore.Razor",
    ];

    /// <summary>Settings do not change at run time, so their files need no watchers.</summary>
    public static void WithoutFileWatchers() => Environment.SetEnvironmentVariable("DOTNET_hostBuilder__reloadConfigOnChange", "false");

    /// <summary>Removes the unused services.</summary>
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
        // Logs go to the Functions host through the worker's own provider; nothing reads these.
        (service.ServiceType == typeof(ILoggerProvider) && (service.ImplementationType == typeof(DebugLoggerProvider) || service.ImplementationType == typeof(EventSourceLoggerProvider)))
        || IsUnused(service.ServiceType.Assembly)
        || (!service.IsKeyedService && ImplementationOf(service) is { } implementation && IsUnused(implementation));

    private static Assembly? ImplementationOf(ServiceDescriptor service) =>
        service.ImplementationType?.Assembly ?? service.ImplementationInstance?.GetType().Assembly ?? service.ImplementationFactory?.Method.Module.Assembly;

    private static bool IsUnused(Assembly assembly) => assembly.GetName().Name is { } name && Unused.Any(unused => name.StartsWith(unused, StringComparison.Ordinal));
}
