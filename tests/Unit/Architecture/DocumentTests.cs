using System.Text.RegularExpressions;
using StsFunctions.Core.Options;
using StsFunctions.Core.Reports;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>docs/ lists exactly what there is.</summary>
public sealed partial class DocumentTests
{
    private static string Findings => Path.Combine(Repository.Root, "docs", "FINDINGS.md");

    [Fact]
    public void Every_kind_of_finding_is_in_the_document_with_its_meaning_and_remedy()
    {
        // Written anew by STS_UPDATE_SNAPSHOTS=1, so that a change of words is a change to review.
        var written = FindingsDocument.Write(File.ReadAllText(Findings).ReplaceLineEndings("\n"));
        if (Environment.GetEnvironmentVariable("STS_UPDATE_SNAPSHOTS") == "1")
        {
            File.WriteAllText(Findings, written);
        }

        Assert.Equal(written, File.ReadAllText(Findings).ReplaceLineEndings("\n"));
        Assert.Equal(
            FindingsDocument.Kinds.Select(kind => kind.Code).Order(StringComparer.Ordinal),
            FirstColumn().Matches(written).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_kind_of_finding_has_its_own_code_title_meaning_and_remedy()
    {
        Assert.Equal(FindingsDocument.Kinds.Select(kind => kind.Code).Distinct(), FindingsDocument.Kinds.Select(kind => kind.Code));
        Assert.All(FindingsDocument.Kinds, kind =>
        {
            Assert.Matches("^[a-z0-9]+([.-][a-z0-9]+)+$", kind.Code);
            Assert.Matches("^(by mode|info|warning|critical)", kind.SeverityText);
            Assert.NotEmpty(kind.Title);
            Assert.EndsWith(".", kind.Meaning, StringComparison.Ordinal);
            Assert.NotEmpty(kind.Remedy);
            Assert.Matches(@"^RFC \d+ §\d", kind.Rfc);
        });
    }

    [Fact]
    public void Every_result_type_is_in_the_API_manual_with_the_text_of_the_code()
    {
        var manual = File.ReadAllText(Path.Combine(Repository.Root, "docs", "API.md")).Replace("\\<", "<", StringComparison.Ordinal);
        Assert.All(ResultTypeGuide.All, advice => Assert.Contains($"| `{advice.ResultType}` | {advice.Meaning} | {advice.Remedy} |", manual, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_setting_is_documented_and_bound_to_options()
    {
        var listed = Setting().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "SETTINGS.md"))).Select(match => match.Value).Distinct();
        Assert.Equal(SettingNames.All.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));

        var bound = Bound().Matches(string.Concat(Directory.GetFiles(Path.Combine(Repository.Root, "functions"), "*Options.cs", SearchOption.AllDirectories).Select(File.ReadAllText)));
        Assert.Equal(SettingNames.All.Order(StringComparer.Ordinal), bound.Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"settings\.\w+(?:<\w+>)?\(\s*""(Sts__\w+)""")]
    private static partial Regex Bound();

    [GeneratedRegex(@"^\| `([a-z0-9.-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex FirstColumn();

    [GeneratedRegex(@"Sts__((Auth|Lab)__)?[A-Z][A-Za-z0-9]+")]
    private static partial Regex Setting();
}
