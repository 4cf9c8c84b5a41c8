using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using StsFunctions.Core.Access;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The registration that the hook makes has the roles that the API asks for.</summary>
public sealed partial class EntraTests
{
    private static readonly string Folder = Path.Combine(BicepFixture.Infra, "hooks", "entra");

    [Fact]
    public void The_registration_has_exactly_the_roles_that_the_API_knows()
    {
        var known = typeof(Roles).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!).Where(role => !role.Contains(',', StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        var listed = RoleRow().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "API.md"))).Select(row => row.Groups[1].Value);

        Assert.Equal(known, Registered().Select(role => role.GetProperty("value").GetString()!).Order(StringComparer.Ordinal));
        Assert.Equal(known, listed.Order(StringComparer.Ordinal));
        Assert.Equal(known.Count, Registered().Select(role => role.GetProperty("id").GetGuid()).Distinct().Count());
        Assert.All(Registered(), role => Assert.True(role.GetProperty("isEnabled").GetBoolean()));
    }

    [Fact]
    public void A_probe_agent_is_an_application_and_every_other_role_is_for_users_too()
    {
        Assert.All(Registered(), role => Assert.Equal(
            role.GetProperty("value").GetString() == Roles.Agent ? ["Application"] : ["User", "Application"],
            role.GetProperty("allowedMemberTypes").EnumerateArray().Select(type => type.GetString()!)));
    }

    [Fact]
    public void The_Azure_CLI_is_authorized_for_the_scope_and_tokens_are_of_version_2()
    {
        var api = Read("api.json").GetProperty("api");
        var client = Assert.Single(Read("azure-cli.json").GetProperty("api").GetProperty("preAuthorizedApplications").EnumerateArray());

        Assert.Equal(2, api.GetProperty("requestedAccessTokenVersion").GetInt32());
        Assert.Equal("04b07795-8ddb-461a-bbee-02f9e1bf7b46", client.GetProperty("appId").GetString());
        Assert.Equal(
            Assert.Single(api.GetProperty("oauth2PermissionScopes").EnumerateArray()).GetProperty("id").GetGuid(),
            Assert.Single(client.GetProperty("delegatedPermissionIds").EnumerateArray()).GetGuid());
        Assert.True(Read("closed.json").GetProperty("appRoleAssignmentRequired").GetBoolean());
    }

    private static List<JsonElement> Registered() => [.. Read("app-roles.json").EnumerateArray()];

    private static JsonElement Read(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, file)));
        return json.RootElement.Clone();
    }

    [GeneratedRegex(@"^\| `(Sts\.\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex RoleRow();
}
