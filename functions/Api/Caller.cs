using StsFunctions.Access;

namespace StsFunctions.Api;

/// <summary>The app roles of the application's registration, as a token's <c>roles</c> claim names them.</summary>
internal static class Roles
{
    /// <summary>May read and change.</summary>
    public const string Admin = "Sts.Admin";

    /// <summary>May read.</summary>
    public const string Reader = "Sts.Reader";

    /// <summary>A probe agent: sees its own work and nothing of domains.</summary>
    public const string Agent = "Sts.Agent";

    /// <summary>Beside one of the others: sees every group, where callers are limited to groups.</summary>
    public const string AllGroups = "Sts.AllGroups";

    /// <summary>Who may do anything here at all.</summary>
    public static IReadOnlyList<string> Callers { get; } = [Admin, Reader, Agent];

    /// <summary>Who may read domains.</summary>
    public static IReadOnlyList<string> Readers { get; } = [Admin, Reader];

    /// <summary>Who may look for us.</summary>
    public static IReadOnlyList<string> Agents { get; } = [Agent];

    /// <summary>Who may change anything.</summary>
    public static IReadOnlyList<string> Writers { get; } = [Admin];
}

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
