namespace StsFunctions.Core.Access;

/// <summary>The app roles of the application's registration, as a token's <c>roles</c> claim names them. Lists are separated by commas.</summary>
internal static class Roles
{
    /// <summary>May read and change.</summary>
    public const string Admin = "Sts.Admin";

    /// <summary>May read.</summary>
    public const string Reader = "Sts.Reader";

    /// <summary>A probe agent: it has access to its own tasks and to no domain.</summary>
    public const string Agent = "Sts.Agent";

    /// <summary>In addition to another role: access to every group, where callers are limited to groups.</summary>
    public const string AllGroups = "Sts.AllGroups";

    /// <summary>Who may read domains.</summary>
    public const string Readers = $"{Admin},{Reader}";

    /// <summary>Who may call anything here at all.</summary>
    public static IReadOnlyList<string> Callers { get; } = [Admin, Reader, Agent];
}
