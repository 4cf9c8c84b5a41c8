using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;

namespace StsFunctions.Middleware;

/// <summary>What an HTTP function's method says of itself.</summary>
/// <param name="Host">Under which host name it answers; null for a method that does not say, which nobody reaches.</param>
/// <param name="Roles">The app roles of which a caller needs one; null where nobody needs to be known.</param>
internal sealed record FunctionMethod(EndpointHost? Host, IReadOnlyList<string>? Roles)
{
    private static readonly ConcurrentDictionary<string, FunctionMethod> Known = new();

    /// <summary>The method of a function; read once.</summary>
    public static FunctionMethod Of(FunctionDefinition function) => Known.GetOrAdd(function.EntryPoint, Read);

    private static FunctionMethod Read(string entryPoint)
    {
        var dot = entryPoint.LastIndexOf('.');
        var method = typeof(FunctionMethod).Assembly.GetType(entryPoint[..dot], throwOnError: true)!.GetMethod(entryPoint[(dot + 1)..])!;
        var roles = method.GetCustomAttribute<AuthorizeAttribute>()?.Roles;
        return new FunctionMethod(method.GetCustomAttribute<EndpointHostAttribute>()?.Host, roles?.Split(','));
    }
}
