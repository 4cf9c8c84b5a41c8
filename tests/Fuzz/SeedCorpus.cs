namespace StsFunctions.Fuzz;

/// <summary>The inputs that a target starts from: its own folder, and files of other tests.</summary>
internal static class SeedCorpus
{
    /// <summary>The most bytes of a target's own folder: a repository is no store of fuzzing results.</summary>
    public const int MaxFolderBytes = 24 * 1024;

    /// <summary>The most files in it.</summary>
    public const int MaxFolderFiles = 128;

    /// <summary>The longest input that the fuzzer makes; longer seeds are left to other tests.</summary>
    public const int MaxInputBytes = 32 * 1024;

    /// <summary>The folder of a target's own corpus.</summary>
    /// <param name="tests">The folder <c>tests/</c>.</param>
    /// <param name="target">The target.</param>
    public static string FolderOf(string tests, IFuzzTarget target) => Path.Combine(tests, "Fuzz", "Corpus", target.Name);

    /// <summary>Every seed of a target, in a fixed order.</summary>
    /// <inheritdoc cref="FolderOf"/>
    public static IReadOnlyList<string> FilesOf(string tests, IFuzzTarget target)
    {
        var own = Directory.GetFiles(FolderOf(tests, target));
        var shared = target.SharedSeeds.SelectMany(pattern => Directory.GetFiles(Path.Combine(tests, Path.GetDirectoryName(pattern)!), Path.GetFileName(pattern)));
        return [.. own.Concat(shared).Where(file => new FileInfo(file).Length <= MaxInputBytes).Order(StringComparer.Ordinal)];
    }
}
