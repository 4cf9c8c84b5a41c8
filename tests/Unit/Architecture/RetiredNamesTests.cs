using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>One concept, one name: what was renamed to the field's word does not come back.</summary>
public sealed class RetiredNamesTests
{
    private static readonly string[] Folders = ["functions", "protocol", "local", "tests", "bench", "docs", "infra"];
    private static readonly string[] Extensions = [".cs", ".md", ".bicep", ".json", ".sh", ".ps1", ".yml", ".yaml"];

    // Built or fetched, or what others wrote.
    private static readonly string[] Skipped = ["bin", "obj", "node_modules", "Corpus", ".local"];

    private static string List => Path.Combine(Repository.Root, "tests", "Unit", "Architecture", "RetiredNames.txt");

    private static IReadOnlyList<string> Names { get; } =
        [.. File.ReadLines(List).Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('\t')[0])];

    [Fact]
    public void No_retired_name_or_phrase_is_used()
    {
        // A name is found as a whole word: no letter, digit, dot or hyphen continues it, but a full stop may follow.
        var retired = new Regex($@"(?<![\w.@/-])(?:{string.Join('|', Names.OrderByDescending(name => name.Length).Select(Regex.Escape))})(?![\w-]|\.\w)", RegexOptions.None, TimeSpan.FromSeconds(30));

        var uses = Files().SelectMany(file => File.ReadLines(file).Index()
            .SelectMany(line => retired.Matches(line.Item).Select(match => $"{Path.GetRelativePath(Repository.Root, file)}:{line.Index + 1}: {match.Value}"))).ToList();

        Assert.True(uses.Count == 0, string.Join('\n', uses));
    }

    [Fact]
    public void The_list_has_each_name_once_and_no_replacement_is_retired()
    {
        Assert.Equal(Names.Distinct(), Names);
        Assert.DoesNotContain(File.ReadLines(List).Select(line => line.Split('\t')), parts => parts is [_, var now] && Names.Contains(now));
    }

    private static IEnumerable<string> Files() => Folders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*", SearchOption.AllDirectories))
        .Append(Path.Combine(Repository.Root, "README.md"))
        .Where(file => Extensions.Contains(Path.GetExtension(file)) && !Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar).Intersect(Skipped).Any());
}
