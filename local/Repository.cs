using System.Reflection;

namespace StsFunctions.Local;

/// <summary>Where things are in this check-out, as it was when the runner was built.</summary>
public static class Repository
{
    /// <summary>The folder with the solution.</summary>
    public static string Root { get; } = Metadata("RepositoryRoot");

    /// <summary>The app as it was built beside the runner: with a just-in-time compiler, quick to build.</summary>
    public static string BuiltApp { get; } = Metadata("AppRoot");

    /// <summary>The command line as it was built beside the runner.</summary>
    public static string BuiltCommand { get; } = Metadata("CommandRoot");

    private static string Metadata(string key) =>
        typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
