using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.Local;
using StsFunctions.Middleware;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>Arrows go one way: functions, then Domains, then protocol; only Hosting knows the Functions host.</summary>
public sealed partial class RoomTests
{
    private static readonly Dictionary<string, string[]> s_mayUse = new()
    {
        ["Domains"] = ["Options", "Protocol"],
        ["Options"] = [],
        ["Outgoing"] = ["Options"],
        ["Reports"] = ["Options", "Domains", "Protocol", "Outgoing"],
        ["Serving"] = ["Domains", "Protocol"],
        ["FetchReportMail"] = ["Domains", "Reports"],
        ["IngestReport"] = ["Domains", "Protocol", "Reports"],
        ["ScheduleChecks"] = ["Options", "Domains", "Protocol"],
        ["CheckDomain"] = ["Options", "Domains", "Protocol", "Outgoing"],
        ["SendWarning"] = ["Options", "Domains", "Protocol"],
        ["SweepStorage"] = ["Options", "Domains", "Reports"],
        ["JudgeReports"] = ["Domains", "Protocol", "Reports"],
        ["Access"] = ["Domains", "Protocol", "Reports"],
        ["Agents"] = ["Access", "CheckDomain", "Domains", "Outgoing"],
    };

    // What puts the rooms together may look into all of them.
    private static readonly string[] s_compositions = ["Hosting"];

    private static string Core => Path.Combine(Repository.Root, "functions", "Core");

    private static string App => Path.Combine(Repository.Root, "functions", "App");

    [Fact]
    public void Every_room_uses_only_the_rooms_below_it()
    {
        foreach (var (room, below) in s_mayUse)
        {
            var used = Directory.GetFiles(Path.Combine(Core, room), "*.cs", SearchOption.AllDirectories)
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
        var folders = Directory.GetDirectories(Core).Where(folder => Directory.GetFiles(folder, "*.cs").Length > 0).Select(folder => Path.GetFileName(folder)!);
        Assert.Equal(s_mayUse.Keys.Concat(s_compositions).Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_API_reads_domains_through_what_its_caller_may_see_and_not_from_the_stores()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(App, "Api"), "*.cs", SearchOption.AllDirectories))
        {
            Assert.DoesNotMatch(Store(), File.ReadAllText(file));
        }
    }

    [Fact]
    public void Every_HTTP_function_has_a_route_and_methods_of_its_own_and_states_its_host()
    {
        var functions = RunningApp.Functions.Where(function => function.Trigger is HttpTriggerAttribute).ToList();

        Assert.NotEmpty(functions);
        Assert.All(functions, function =>
        {
            var trigger = (HttpTriggerAttribute)function.Trigger;
            Assert.DoesNotContain("*", trigger.Route, StringComparison.Ordinal);
            Assert.NotEmpty(trigger.Methods!);
            Assert.NotNull(function.Method.GetCustomAttribute<EndpointHostAttribute>());
            Assert.Equal(trigger.Route!.StartsWith("api/", StringComparison.Ordinal), function.Method.GetCustomAttribute<AuthorizeAttribute>() is { Roles: not null });
        });
        Assert.Equal(functions.Count, functions.Select(function => ((HttpTriggerAttribute)function.Trigger).Route).Distinct().Count());
        Assert.Equal("ServePolicy", Assert.Single(functions, function => function.Method.GetCustomAttribute<EndpointHostAttribute>()!.Host == EndpointHost.Policy).Name);
    }

    [GeneratedRegex(@"\b(Domain|Fleet|Report)Store\b")]
    private static partial Regex Store();

    [GeneratedRegex(@"^using StsFunctions\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Room();
}
