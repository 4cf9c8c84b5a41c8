using Microsoft.AspNetCore.Http.Features;
using StsFunctions.Access;

namespace StsFunctions.Api;

/// <summary>Who calls <c>api/</c>, as a token that was checked says.</summary>
/// <param name="Roles">What the caller may do.</param>
/// <param name="Groups">Whose domains the caller may see.</param>
/// <param name="Application">The id of the application that calls.</param>
internal sealed record Caller(IReadOnlyCollection<string> Roles, Groups Groups, string Application)
{
    /// <summary>Whose domains the caller may see, where that is anybody's.</summary>
    /// <exception cref="ProblemException">The token names no group.</exception>
    public Groups SeenGroups => Groups.IsNone
        ? throw ProblemException.Forbidden("The access token names no group whose domains you may see; have one assigned to you, then get a new token.")
        : Groups;

    /// <summary>Whether the caller has one of these roles.</summary>
    public bool IsAny(IReadOnlyList<string> roles) => Roles.Any(roles.Contains);
}

/// <summary>Finds the caller of a request.</summary>
internal static class CallerExtensions
{
    /// <summary>Who calls a function that is marked with <c>[Authorize]</c>.</summary>
    public static Caller Caller(this HttpRequest request) => request.HttpContext.Features.GetRequiredFeature<Caller>();
}
