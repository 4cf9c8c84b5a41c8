using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace StsFunctions.Tests.Infra;

/// <summary>The workflows run only pinned actions, and have no more permissions than they need.</summary>
public sealed partial class WorkflowTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, ".github", "workflows");

    public static TheoryData<string> Workflows => [.. Directory.GetFiles(Folder, "*.yml").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Each_action_is_pinned_by_digest_with_its_version_in_a_comment(string workflow)
    {
        var uses = File.ReadAllLines(Path.Combine(Folder, workflow)).Where(line => line.Contains("uses:", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(uses);
        Assert.All(uses, line => Assert.Matches(Pinned(), line));
    }

    [Fact]
    public void Each_action_has_one_digest()
    {
        var pins = Directory.GetFiles(Folder, "*.yml").SelectMany(File.ReadAllLines).Select(line => Pinned().Match(line)).Where(match => match.Success).Select(match => (match.Groups[1].Value, match.Value.Trim())).Distinct();

        Assert.All(pins.GroupBy(pin => pin.Item1), action => Assert.Single(action));
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_workflow_may_only_read_and_a_job_that_may_write_declares_it(string workflow)
    {
        var root = Yaml.Read(Path.Combine(Folder, workflow));

        Assert.Equal("read", Assert.Single(((YamlMappingNode)root["permissions"]).Children).Value.ToString());
        Assert.All(((YamlMappingNode)root["jobs"]).Children.Values, job => Assert.True(((YamlMappingNode)job).Children.ContainsKey("timeout-minutes")));
        Assert.DoesNotContain("pull_request_target", File.ReadAllText(Path.Combine(Folder, workflow)), StringComparison.Ordinal);
        Assert.DoesNotContain("${{ secrets.", File.ReadAllText(Path.Combine(Folder, workflow)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_tested_package_is_the_deployed_one()
    {
        var jobs = (YamlMappingNode)Yaml.Read(Path.Combine(Folder, "ci.yml"))["jobs"];
        var runs = ((YamlSequenceNode)jobs["deploy"]["steps"]).OfType<YamlMappingNode>().Where(step => step.Children.ContainsKey("run")).Select(step => step["run"].ToString()).ToList();

        Assert.Equal("test", jobs["deploy"]["needs"].ToString());
        Assert.Contains(runs, run => run.Contains("--federated-credential-provider github", StringComparison.Ordinal));
        Assert.Contains(runs, run => run.StartsWith("azd deploy app --from-package dist/StsFunctions.zip", StringComparison.Ordinal));
        Assert.Equal("write", jobs["deploy"]["permissions"]["id-token"].ToString());
    }

    [Fact]
    public void The_second_site_of_a_Dedicated_plan_gets_the_same_package()
    {
        var jobs = (YamlMappingNode)Yaml.Read(Path.Combine(Folder, "ci.yml"))["jobs"];
        var step = ((YamlSequenceNode)jobs["deploy"]["steps"]).OfType<YamlMappingNode>().Single(step => step.Children.ContainsKey("if"));

        Assert.Equal("vars.STS_PLAN == 'dedicated'", step["if"].ToString());
        Assert.StartsWith("azd deploy background --from-package dist/StsFunctions.zip", step["run"].ToString(), StringComparison.Ordinal);
        // Or azd takes the service for one that is not there.
        Assert.Equal("${{ vars.STS_PLAN }}", jobs["deploy"]["env"]["STS_PLAN"].ToString());
    }

    [Theory]
    [InlineData("ci.yml")]
    [InlineData("release.yml")]
    public void The_published_app_is_started_as_in_Azure_before_it_is_zipped_with_every_folder(string workflow)
    {
        var steps = ((YamlSequenceNode)Yaml.Read(Path.Combine(Folder, workflow))["jobs"]["test"]["steps"]).OfType<YamlMappingNode>().Where(step => step.Children.ContainsKey("run")).Select(step => step["run"].ToString()).ToList();

        var tests = steps.IndexOf("bash .ci/run");
        var start = steps.IndexOf("bash .ci/deployed .local/ci-app");
        var zip = steps.FindIndex(step => step.Contains("cd .local/ci-app && zip -qr \"$GITHUB_WORKSPACE/dist/StsFunctions.zip\" .", StringComparison.Ordinal));
        Assert.True(0 <= tests && tests < start && start < zip, string.Join('\n', steps));
    }

    [GeneratedRegex(@"uses: ([\w./-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+$")]
    private static partial Regex Pinned();
}
