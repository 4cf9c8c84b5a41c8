using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>Arrows go one way: functions, then Domains, then protocol; only Hosting knows the Functions host.</summary>
public sealed partial class RoomTests
{
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        ["Domains"] = ["Protocol"],
        ["Outgoing"] = [],
        ["Reports"] = ["Domains", "Protocol"],
        ["ServePolicy"] = ["Domains", "Protocol"],
        ["ReceiveReport"] = ["Domains", "Protocol", "Reports"],
        ["IngestReport"] = ["Domains", "Protocol", "Reports"],
        ["ScheduleChecks"] = ["Domains", "Protocol"],
        ["CheckDomain"] = ["Domains", "Protocol", "Outgoing"],
        ["SendWarning"] = ["Domains", "Protocol"],
        ["SweepStorage"] = ["Domains", "Reports"],
    };

    // What puts the rooms together may look into all of them.
    private static readonly string[] s_compositions = ["Hosting", "CommandLine"];

    private static string Functions => Path.Combine(Repository.Root, "functions");

    [Fact]
    public void Every_room_uses_only_the_rooms_below_it()
    {
        foreach (var (room, below) in s_mayUse)
        {
            var used = Directory.GetFiles(Path.Combine(Functions, room), "*.cs", SearchOption.AllDirectories)
                .SelectMany(file => Room().Matches(File.ReadAllText(file)))
                .Select(match => match.Groups[1].Value)
                .Where(used => used != room)
                .Distinct();
            Assert.Empty(used.Except(below));
        }
    }

    [Fact]
    public void Every_folder_of_the_app_is_a_room_that_has_its_place()
    {
        var folders = Directory.GetDirectories(Functions).Where(folder => Directory.GetFiles(folder, "*.cs").Length > 0).Select(folder => Path.GetFileName(folder)!);
        Assert.Equal(s_mayUse.Keys.Concat(s_compositions).Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^using StsFunctions\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Room();
}
