using System.Text.RegularExpressions;
using StsFunctions.CheckDomain;
using StsFunctions.JudgeReports;
using StsFunctions.Local;
using StsFunctions.Reports;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>docs/ lists exactly what there is.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Every_code_of_a_finding_is_in_the_catalogue_and_nothing_else()
    {
        var listed = FirstColumn().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "FINDINGS.md"))).Select(match => match.Groups[1].Value);
        Assert.Equal(Judge.Rules.Select(rule => rule.Code).Append(NetworkFindings.Port25Closed.Code).Concat(ReportFindings.Kinds.Select(kind => kind.Code)).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_result_type_is_in_the_manual_of_the_API_with_the_very_words_of_the_code()
    {
        var manual = File.ReadAllText(Path.Combine(Repository.Root, "docs", "API.md")).Replace("\\<", "<", StringComparison.Ordinal);
        Assert.All(ResultTypeGuide.All, advice => Assert.Contains($"| `{advice.ResultType}` | {advice.Meaning} | {advice.Remedy} |", manual, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_setting_that_the_app_reads_is_in_the_list_and_nothing_else()
    {
        var code = string.Concat(Directory.GetFiles(Path.Combine(Repository.Root, "functions", "Hosting"), "*.cs").Select(File.ReadAllText));
        var read = Setting().Matches(code).Select(match => match.Value).Distinct();
        var listed = Setting().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "SETTINGS.md"))).Select(match => match.Value).Distinct();
        Assert.Equal(read.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"^\| `([a-z0-9.-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex FirstColumn();

    [GeneratedRegex(@"Sts__((Auth|Lab)__)?[A-Z][A-Za-z0-9]+")]
    private static partial Regex Setting();
}
