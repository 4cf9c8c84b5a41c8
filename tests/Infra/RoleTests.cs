using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>infra/ROLES.md lists exactly the assigned roles, with their reasons, on the narrowest scope.</summary>
public sealed partial class RoleTests(BicepFixture bicep)
{
    private const string Assignment = "Microsoft.Authorization/roleAssignments";

    private sealed record Grant(string Who, string Role, string On);

    [Fact]
    public async Task The_table_lists_exactly_the_assigned_roles()
    {
        var given = new HashSet<Grant>();
        foreach (var name in BicepFixture.CaseNames)
        {
            given.UnionWith((await bicep.ResourcesAsync(name)).OfType(Assignment).Select(ToGrant));
        }

        var listed = Rows().SelectMany(row => row.On.Split(", ").Select(on => new Grant(row.Who, row.Role, on))).ToList();
        Assert.Equal(listed.Count, listed.Distinct().Count());
        Assert.Empty(given.Except(listed));
        Assert.Empty(listed.Except(given));
    }

    [Fact]
    public void Each_row_says_why_the_role_is_needed() => Assert.All(Rows(), row => Assert.True(row.Why.Length > 20, $"{row.Who}, {row.Role}: why?"));

    [Fact]
    public async Task The_operator_gets_no_role_without_the_parameter()
    {
        var grants = (await bicep.ResourcesAsync("every-option")).OfType(Assignment).Select(ToGrant);

        Assert.DoesNotContain(grants, grant => grant.Who == "the operator");
    }

    [Fact]
    public async Task The_name_of_an_assignment_comes_from_ids_that_are_known_before_the_deployment()
    {
        // A name made of a principal's id changes when the identity is made anew, and cannot be predicted.
        var assignments = (await bicep.TemplateResourcesAsync()).OfType(Assignment).ToList();

        Assert.NotEmpty(assignments);
        Assert.All(assignments, assignment =>
        {
            var name = assignment["name"]!.GetValue<string>();
            Assert.StartsWith("[guid(", name, StringComparison.Ordinal);
            Assert.DoesNotContain("reference(", name, StringComparison.Ordinal);
            Assert.DoesNotContain("principalId", name, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task No_role_is_assigned_on_the_group_or_the_subscription()
    {
        foreach (var name in BicepFixture.CaseNames)
        {
            Assert.All(
                (await bicep.ResourcesAsync(name)).OfType(Assignment),
                assignment => Assert.Matches("/providers/Microsoft\\.(?!Authorization).*/providers/Microsoft.Authorization/roleAssignments/", assignment["id"]!.GetValue<string>()));
        }
    }

    [Fact]
    public async Task Event_Grid_has_its_roles_before_the_subscription_is_created()
    {
        var subscription = Assert.Single((await bicep.TemplateResourcesAsync()).OfType("Microsoft.EventGrid/systemTopics/eventSubscriptions"));
        var first = subscription["dependsOn"]!.AsArray().Select(resource => resource!.GetValue<string>());

        Assert.Equal(2, first.Count(resource => resource.Contains(Assignment, StringComparison.Ordinal)));
    }

    private static Grant ToGrant(JsonObject assignment)
    {
        var principal = assignment.Properties()["principalId"]!.GetValue<string>();
        var who = principal switch
        {
            _ when principal.Contains("userAssignedIdentities", StringComparison.Ordinal) => "the app",
            _ when principal.Contains("systemTopics", StringComparison.Ordinal) => "Event Grid",
            _ when Guid.TryParse(principal, out _) => "the operator",
            _ => principal,
        };
        return new Grant(who, RoleOf(assignment), OnWhat(assignment["id"]!.GetValue<string>()));
    }

    private static string RoleOf(JsonObject assignment)
    {
        var id = assignment.Properties()["roleDefinitionId"]!.GetValue<string>().Split('/')[^1];
        var roles = JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(BicepFixture.Infra, "roles.json")))!;
        return roles.Single(role => role.Value == id).Key;
    }

    private static string OnWhat(string id)
    {
        var scope = id[..id.LastIndexOf("/providers/Microsoft.Authorization/", StringComparison.Ordinal)];
        var parts = scope.Split('/');
        return (parts[^2], parts.Contains("company")) switch
        {
            ("storageAccounts", _) => "storage account",
            ("containers", _) => $"container {parts[^1]}",
            ("queues", _) => $"queue {parts[^1]}",
            ("tables", _) => $"table {parts[^1]}",
            ("components", _) => "Application Insights",
            ("communicationServices", _) => "Communication Services",
            ("vaults", false) => "Key Vault",
            ("secrets", true) => "your certificate",
            _ => scope,
        };
    }

    private static IEnumerable<(string Who, string Role, string On, string Why)> Rows() =>
        Row().Matches(File.ReadAllText(Path.Combine(BicepFixture.Infra, "ROLES.md")))
            .Select(match => (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value, match.Groups[4].Value))
            .Where(row => row.Item1 is not ("who" or "---"));

    [GeneratedRegex(@"^\| ?([^|]+?) ?\| ?([^|]+?) ?\| ?([^|]+?) ?\| ?([^|]+?) ?\|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
