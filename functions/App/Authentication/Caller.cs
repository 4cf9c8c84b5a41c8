using Microsoft.AspNetCore.Http.Features;
using StsFunctions.App.Http;
using StsFunctions.Core.Access;

namespace StsFunctions.App.Authentication;

/// <summary>The caller of <c>api/</c>, from a validated token.</summary>
/// <param name="Roles">What the caller may do.</param>
/// <param name="Groups">The groups whose domains the caller may see.</param>
/// <param name="Application">The id of the calling application.</param>
internal sealed record Caller(IReadOnlyCollection<string> Roles, GroupScope Groups, string Application)
{
    /// <summary>The groups whose domains the caller may see.</summary>
    /// <exception cref="ProblemException">The token names no group.</exception>
    public GroupScope VisibleGroups => Groups.IsNone
        ? throw ProblemException.Forbidden("The access token names no group whose domains you may see; have one assigned to you, then get a new token.")
        : Groups;

    /// <summary>Whether the caller has one of these roles.</summary>
    public bool IsAny(IReadOnlyList<string> roles) => Roles.Any(roles.Contains);
}

/// <summary>Gets the caller of a request.</summary>
internal static class CallerExtensions
{
    /// <summary>Gets the caller of a function with <c>[Authorize]</c>.</summary>
    public static Caller Caller(this HttpRequest request) => request.HttpContext.Features.GetRequiredFeature<Caller>();
}
