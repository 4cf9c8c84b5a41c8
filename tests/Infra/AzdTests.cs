using System.Text.RegularExpressions;
using StsFunctions.Local;
using StsFunctions.Package;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace StsFunctions.Tests.Infra;

/// <summary>azure.yaml fits the templates, the hooks and the package.</summary>
public sealed partial class AzdTests(BicepFixture bicep)
{
    private static readonly YamlMappingNode s_azure = Yaml.Read(Path.Combine(Repository.Root, "azure.yaml"));

    [Fact]
    public void Each_hook_is_there_for_both_kinds_of_machine()
    {
        var service = (YamlMappingNode)s_azure["services"]["app"];
        var hooks = ((YamlMappingNode)s_azure["hooks"]).Children.Concat(((YamlMappingNode)service["hooks"]).Children).ToDictionary(hook => hook.Key.ToString(), hook => hook.Value);

        Assert.Equal(["postprovision", "postup", "predown", "prepackage", "preprovision"], hooks.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, hook) in hooks)
        {
            Assert.Equal(($"infra/hooks/{name}.sh", "sh"), (hook["posix"]["run"].ToString(), hook["posix"]["kind"].ToString()));
            Assert.Equal(($"infra/hooks/{name}.ps1", "pwsh"), (hook["windows"]["run"].ToString(), hook["windows"]["kind"].ToString()));
        }
    }

    [Fact]
    public void Each_script_has_its_twin()
    {
        var scripts = Directory.GetFiles(BicepFixture.Infra, "*", SearchOption.AllDirectories).Where(file => Path.GetExtension(file) is ".sh" or ".ps1").ToList();

        Assert.NotEmpty(scripts);
        Assert.All(scripts, script => Assert.True(File.Exists(Path.ChangeExtension(script, Path.GetExtension(script) == ".sh" ? ".ps1" : ".sh")), script));
    }

    [Fact]
    public async Task The_service_is_the_site_that_carries_its_tag_and_gets_the_package()
    {
        var (name, service) = Assert.Single(((YamlMappingNode)s_azure["services"]).Children);
        var site = Assert.Single((await bicep.ResourcesAsync("first-run")).OfType("Microsoft.Web/sites"));

        Assert.Equal(name.ToString(), site["tags"]!["azd-service-name"]!.GetValue<string>());
        Assert.Equal(("function", "custom", "."), (service["host"].ToString(), service["language"].ToString(), service["project"].ToString()));
        Assert.Equal(Path.GetFullPath(Publisher.PackageFile), Path.GetFullPath(Path.Combine(Repository.Root, service["dist"].ToString())));
    }

    [Fact]
    public async Task Everything_carries_the_environments_name()
    {
        var untagged = (await bicep.ResourcesAsync("every-option"))
            .Where(resource => resource["location"] is not null && resource["tags"]?["azd-env-name"]?.GetValue<string>() != "case")
            // These are parts of what carries it, and have no tags.
            .Where(resource => resource.Type() is not "Microsoft.Web/sites/certificates");

        Assert.Empty(untagged.Select(resource => resource["id"]!.GetValue<string>()));
    }

    [Fact]
    public async Task The_hooks_read_only_what_azd_and_the_template_tell_them()
    {
        var outputs = (await bicep.TemplateAsync())["outputs"]!.AsObject().Select(output => output.Key);
        var parameters = File.ReadAllText(Path.Combine(BicepFixture.Infra, "main.parameters.json"));
        var known = outputs.Concat(VariablesIn(parameters)).Concat(["STS_FORCE_DOWN"]).ToHashSet();
        var read = Directory.GetFiles(BicepFixture.Infra, "*", SearchOption.AllDirectories).Where(file => Path.GetExtension(file) is ".sh" or ".ps1").SelectMany(file => VariablesIn(File.ReadAllText(file)));

        Assert.Empty(read.Except(known));
    }

    private static IEnumerable<string> VariablesIn(string text) => Variable().Matches(text).Select(match => match.Value).Distinct();

    [GeneratedRegex(@"\b(STS|AZURE)_[A-Z_]+\b")]
    private static partial Regex Variable();
}
