using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace StsFunctions.Tests.Infra;

/// <summary>azure.yaml fits the templates, the hooks and the package.</summary>
public sealed partial class AzdTests(BicepFixture bicep)
{
    private static readonly YamlMappingNode Azure = Yaml.Read(Path.Combine(Repository.Root, "azure.yaml"));

    private static Dictionary<string, YamlMappingNode> Services { get; } =
        ((YamlMappingNode)Azure["services"]).Children.ToDictionary(service => service.Key.ToString(), service => (YamlMappingNode)service.Value);

    [Fact]
    public void Each_hook_exists_for_both_kinds_of_machine()
    {
        var hooks = ((YamlMappingNode)Azure["hooks"]).Children.ToDictionary(hook => hook.Key.ToString(), hook => hook.Value);

        Assert.Equal(["postprovision", "postup", "predown", "preprovision"], hooks.Keys.Order(StringComparer.Ordinal));
        Assert.All(hooks, hook => AssertRuns(hook.Key, hook.Value));
    }

    [Fact]
    public void The_app_is_published_by_azd_itself()
    {
        var service = Services["app"];

        Assert.Equal(("function", "dotnet", "functions/App"), (service["host"].ToString(), service["language"].ToString(), service["project"].ToString()));
        // Anything else would be a step that azd, func and Visual Studio do not take.
        Assert.Equal(["host", "language", "project"], service.Children.Keys.Select(key => key.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_second_service_is_published_by_a_hook_into_the_folder_that_azd_then_packs()
    {
        var service = Services["background"];
        var hook = Assert.Single(((YamlMappingNode)service["hooks"]).Children);

        Assert.Equal(("function", "custom", ".", "dist/background"), (service["host"].ToString(), service["language"].ToString(), service["project"].ToString(), service["dist"].ToString()));
        Assert.Equal("prepackage", hook.Key.ToString());
        AssertRuns("publish-background", hook.Value);
        Assert.All((string[])["sh", "ps1"], shell => Assert.Contains(
            $"dotnet publish {Services["app"]["project"]} -c Release -o {service["dist"]} --artifacts-path .local/background",
            File.ReadAllText(Path.Combine(BicepFixture.Infra, "hooks", $"publish-background.{shell}")), StringComparison.Ordinal));
    }

    [Fact]
    public void An_azd_version_that_does_not_know_conditions_is_refused() =>
        Assert.Equal(">= 1.23.4", Azure["requiredVersions"]["azd"].ToString());

    [Fact]
    public void Each_shell_script_has_a_PowerShell_counterpart()
    {
        var scripts = Directory.GetFiles(BicepFixture.Infra, "*", SearchOption.AllDirectories).Where(file => Path.GetExtension(file) is ".sh" or ".ps1").ToList();

        Assert.NotEmpty(scripts);
        Assert.All(scripts, script => Assert.True(File.Exists(Path.ChangeExtension(script, Path.GetExtension(script) == ".sh" ? ".ps1" : ".sh")), script));
    }

    [Theory]
    [InlineData("first-run", null)]
    [InlineData("first-run", "flex")]
    [InlineData("dedicated", "dedicated")]
    public async Task Each_deployed_service_is_the_one_site_with_its_tag(string name, string? plan)
    {
        var deployed = Services.Where(service => IsTrue(service.Value.Children.TryGetValue("condition", out var condition) ? condition.ToString() : "true", plan)).Select(service => service.Key);
        var tagged = (await bicep.ResourcesAsync(name)).Where(resource => resource["tags"]?["azd-service-name"] is not null).ToList();

        Assert.Equal(deployed.Order(StringComparer.Ordinal), tagged.Select(resource => resource["tags"]!["azd-service-name"]!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.All(tagged, resource => Assert.Equal("Microsoft.Web/sites", resource.Type()));
    }

    [Fact]
    public async Task Every_resource_carries_the_name_of_the_environment()
    {
        var untagged = (await bicep.ResourcesAsync("every-option"))
            .Where(resource => resource["location"] is not null && resource["tags"]?["azd-env-name"]?.GetValue<string>() != "case")
            // These are parts of what carries it, and have no tags.
            .Where(resource => resource.Type() is not "Microsoft.Web/sites/certificates");

        Assert.Empty(untagged.Select(resource => resource["id"]!.GetValue<string>()));
    }

    [Fact]
    public async Task The_hooks_read_only_values_of_azd_and_the_template()
    {
        var outputs = (await bicep.TemplateAsync())["outputs"]!.AsObject().Select(output => output.Key);
        var parameters = File.ReadAllText(Path.Combine(BicepFixture.Infra, "main.parameters.json"));
        var known = outputs.Concat(VariablesIn(parameters)).Concat(["STS_FORCE_DOWN"]).ToHashSet();
        var read = Directory.GetFiles(BicepFixture.Infra, "*", SearchOption.AllDirectories).Where(file => Path.GetExtension(file) is ".sh" or ".ps1").SelectMany(file => VariablesIn(File.ReadAllText(file)));

        Assert.Empty(read.Except(known));
    }

    private static void AssertRuns(string script, YamlNode hook)
    {
        Assert.Equal(($"infra/hooks/{script}.sh", "sh"), (hook["posix"]["run"].ToString(), hook["posix"]["kind"].ToString()));
        Assert.Equal(($"infra/hooks/{script}.ps1", "pwsh"), (hook["windows"]["run"].ToString(), hook["windows"]["kind"].ToString()));
    }

    // As azd reads it: one text in a variable of the environment is replaced by another, and then it must be a word for true.
    private static bool IsTrue(string condition, string? plan)
    {
        var replaced = Replacement().Match(condition);
        var value = replaced.Success && replaced.Groups[1].Value == "STS_PLAN" ? (plan ?? "").Replace(replaced.Groups[2].Value, replaced.Groups[3].Value, StringComparison.Ordinal) : condition;
        return value is "1" or "true" or "TRUE" or "True" or "yes" or "YES" or "Yes";
    }

    private static IEnumerable<string> VariablesIn(string text) => Variable().Matches(text).Select(match => match.Value).Distinct();

    [GeneratedRegex(@"^\$\{([A-Z_]+)/(\w+)/(\w+)\}$")]
    private static partial Regex Replacement();

    [GeneratedRegex(@"\b(STS|AZURE)_[A-Z_]+\b")]
    private static partial Regex Variable();
}
