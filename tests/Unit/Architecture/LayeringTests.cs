using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.App.Middleware;
using StsFunctions.Core.Findings;
using StsFunctions.Local;
using StsFunctions.Network.Egress;
using StsFunctions.Notifications;
using StsFunctions.Protocol;
using StsFunctions.ReportIntake;
using StsFunctions.Storage;
using StsFunctions.Tests.Hosting;
using StsFunctions.UseCases.Checks;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>The projects are the layers, and the compiler enforces the references between them; these tests enforce the rest.</summary>
public sealed partial class LayeringTests
{
    // What a layer may use of the others. Core is pure, and the layers above it do not know one another.
    private static readonly Dictionary<string, (Assembly Assembly, string[] MayUse)> Assemblies = new()
    {
        ["StsFunctions.Protocol"] = (typeof(DomainName).Assembly, []),
        ["StsFunctions.Core"] = (typeof(Finding).Assembly, ["StsFunctions.Protocol"]),
        ["StsFunctions.Network"] = (typeof(EgressGuard).Assembly, ["StsFunctions.Core", "StsFunctions.Protocol"]),
        ["StsFunctions.ReportIntake"] = (typeof(ReportReader).Assembly, ["StsFunctions.Core", "StsFunctions.Protocol"]),
        ["StsFunctions.Storage"] = (typeof(StorageLayout).Assembly, ["StsFunctions.Core", "StsFunctions.Protocol"]),
        ["StsFunctions.Notifications"] = (typeof(IEmailSender).Assembly, ["StsFunctions.Core", "StsFunctions.Protocol"]),
        ["StsFunctions.UseCases"] = (typeof(DomainCheck).Assembly, ["StsFunctions.Core", "StsFunctions.Network", "StsFunctions.Notifications", "StsFunctions.Protocol", "StsFunctions.ReportIntake", "StsFunctions.Storage"]),
    };

    private static readonly Assembly App = typeof(EndpointHostAttribute).Assembly;

    public static TheoryData<string> Layers => [.. Assemblies.Keys];

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_layer_uses_only_the_layers_below_it(string layer) =>
        Assert.Empty(ReferencesOf(Assemblies[layer].Assembly).Where(name => name.StartsWith("StsFunctions", StringComparison.Ordinal)).Except(Assemblies[layer].MayUse));

    [Fact]
    public void Core_is_pure_and_uses_no_Azure_no_socket_no_DNS_library_and_no_mail_library() =>
        Assert.DoesNotContain(ReferencesOf(Assemblies["StsFunctions.Core"].Assembly), name =>
            Outside().IsMatch(name) || name is "System.Net.Sockets" or "System.Net.Security" or "System.Net.Http" or "System.Net.NameResolution");

    [Fact]
    public void Only_Storage_uses_the_clients_of_Azure_storage() =>
        Assert.All(Assemblies.Where(layer => layer.Key != "StsFunctions.Storage").Select(layer => layer.Value.Assembly).Append(App), assembly =>
            Assert.DoesNotContain(ReferencesOf(assembly), name => name is "Azure.Storage.Blobs" or "Azure.Storage.Queues" or "Azure.Data.Tables"));

    [Fact]
    public void Only_the_egress_guard_opens_a_socket()
    {
        var openers = Sources("functions").Where(file => Opens().IsMatch(File.ReadAllText(file))).Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal);

        Assert.Equal(["EgressGuard"], openers);
    }

    // Microsoft Graph, the app that an agent asks, and the issuer of tokens are the operator's; they do not pass the guard.
    [Fact]
    public void An_HTTP_client_is_made_by_the_egress_guard_or_for_hosts_of_the_operator()
    {
        var makers = Sources("functions").Where(file => NewHttpClient().IsMatch(File.ReadAllText(file))).Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal);

        Assert.Equal(["AgentApi", "EgressHttp", "GraphMailbox", "SigningKeys"], makers);
    }

    [Fact]
    public void Namespaces_have_no_circular_dependencies()
    {
        var edges = Sources("functions")
            .SelectMany(file => Namespace().Match(File.ReadAllText(file)) is { Success: true } own ? Using().Matches(File.ReadAllText(file)).Select(used => (From: own.Groups[1].Value, To: used.Groups[1].Value)) : [])
            .Distinct().ToLookup(edge => edge.From, edge => edge.To);

        Assert.NotEmpty(edges);
        Assert.Equal([], edges.SelectMany(from => from, (from, to) => (From: from.Key, To: to)).Where(edge => edge.To == edge.From || Reaches(edges, edge.To, edge.From)).Select(edge => $"{edge.From} -> {edge.To}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_function_class_has_at_most_three_dependencies() =>
        Assert.Empty(RunningApp.Functions.Select(function => function.Method.DeclaringType!).Distinct()
            .Where(type => type.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).Max(constructor => constructor.GetParameters().Length) > 3)
            .Select(type => type.Name));

    [Fact]
    public void The_API_reads_domains_through_authorization_and_not_from_the_stores() =>
        Assert.All(Directory.GetFiles(Path.Combine(Repository.Root, "functions", "App", "Api"), "*.cs"), file => Assert.DoesNotMatch(Store(), File.ReadAllText(file)));

    [Fact]
    public void Each_rule_has_a_code_of_its_own()
    {
        var codes = Core.Rules.RuleEngine.Rules.Select(rule => rule.Code).ToList();

        Assert.Equal(codes.Distinct(), codes);
        Assert.All(codes, code => Assert.Matches(Code(), code));
    }

    [Fact]
    public void Every_HTTP_function_has_its_own_route_and_methods_and_declares_its_host()
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

    private static IEnumerable<string> ReferencesOf(Assembly assembly) => assembly.GetReferencedAssemblies().Select(name => name.Name!);

    private static IEnumerable<string> Sources(string folder) => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static bool Reaches(ILookup<string, string> edges, string from, string to)
    {
        var (visited, next) = (new HashSet<string>(), new Queue<string>(edges[from]));
        while (next.TryDequeue(out var name))
        {
            if (name == to)
            {
                return true;
            }

            foreach (var further in visited.Add(name) ? edges[name] : [])
            {
                next.Enqueue(further);
            }
        }

        return false;
    }

    [GeneratedRegex("^(Azure|Microsoft.Azure|MimeKit|MailKit|DnsClient)")]
    private static partial Regex Outside();

    [GeneratedRegex(@"new (Socket|TcpClient|UdpClient)\b")]
    private static partial Regex Opens();

    [GeneratedRegex(@"\b(SocketsHttpHandler|HttpClientHandler)\b")]
    private static partial Regex NewHttpClient();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^using (?:static )?(StsFunctions[\w.]*);", RegexOptions.Multiline)]
    private static partial Regex Using();

    // Subject, aspect, problem; the subject of a TXT record is one more level.
    [GeneratedRegex(@"\A[a-z0-9-]+(\.[a-z0-9-]+){2}\z")]
    private static partial Regex Code();

    [GeneratedRegex(@"\b(Domain|DomainSummary|Report)Store\b")]
    private static partial Regex Store();
}
