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
        ["Reports"] = ["Domains", "Protocol", "Outgoing"],
        ["ServePolicy"] = ["Domains", "Protocol"],
        ["ReceiveReport"] = ["Domains", "Protocol", "Reports"],
        ["ReceiveMail"] = ["Domains", "Reports"],
        ["FetchReportMail"] = ["Domains", "Reports"],
        ["IngestReport"] = ["Domains", "Protocol", "Reports"],
        ["ScheduleChecks"] = ["Domains", "Protocol"],
        ["CheckDomain"] = ["Domains", "Protocol", "Outgoing"],
        ["SendWarning"] = ["Domains", "Protocol"],
        ["SweepStorage"] = ["Domains", "Reports"],
        ["JudgeReports"] = ["Domains", "Protocol", "Reports"],
        ["Access"] = ["Domains", "Protocol", "Reports"],
        ["Agents"] = ["CheckDomain", "Domains", "Outgoing"],
        ["Api"] = ["Access", "Agents", "Domains", "Protocol", "Reports"],
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

    [Fact]
    public void The_API_reads_domains_through_what_its_caller_may_see_and_not_from_the_stores()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(Functions, "Api"), "*.cs", SearchOption.AllDirectories))
        {
            Assert.DoesNotMatch(Store(), File.ReadAllText(file));
        }
    }

    [Fact]
    public void No_route_takes_whatever_comes_since_the_host_calls_functions_by_path()
    {
        var routes = Directory.GetFiles(Functions, "function.json", SearchOption.AllDirectories)
            .Where(file => Path.GetDirectoryName(Path.GetDirectoryName(file)) == Functions)
            .SelectMany(file => Route().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value)
            .ToList();

        Assert.NotEmpty(routes);
        Assert.All(routes, route => Assert.DoesNotContain('{', route.Split('/')[0]));
    }

    [GeneratedRegex(@"\b(Domain|Fleet|Report)Store\b")]
    private static partial Regex Store();

    [GeneratedRegex(@"""route"": ""([^""]*)""")]
    private static partial Regex Route();

    [GeneratedRegex(@"^using StsFunctions\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Room();
}
