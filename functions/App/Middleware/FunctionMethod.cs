using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;

namespace StsFunctions.App.Middleware;

/// <summary>The attributes of a function's method.</summary>
/// <param name="Host">The host name of the function; null for a method without one, which is never reachable.</param>
/// <param name="Roles">The app roles of which a caller needs one; null if no authentication is needed.</param>
internal sealed record FunctionMethod(EndpointHost? Host, IReadOnlyList<string>? Roles)
{
    private static readonly ConcurrentDictionary<string, FunctionMethod> Known = new();

    /// <summary>Gets the method of a function; it is read once.</summary>
    public static FunctionMethod Of(FunctionDefinition function) => Known.GetOrAdd(function.EntryPoint, Read);

    private static FunctionMethod Read(string entryPoint)
    {
        var dot = entryPoint.LastIndexOf('.');
        var method = typeof(FunctionMethod).Assembly.GetType(entryPoint[..dot], throwOnError: true)!.GetMethod(entryPoint[(dot + 1)..])!;
        var roles = method.GetCustomAttribute<AuthorizeAttribute>()?.Roles;
        return new FunctionMethod(method.GetCustomAttribute<EndpointHostAttribute>()?.Host, roles?.Split(','));
    }
}
