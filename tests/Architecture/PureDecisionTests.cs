using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>What is decided about a check depends on the observation and on what is stored alone: the code that decides has no clock, no I/O and no surroundings.</summary>
public sealed partial class PureDecisionTests
{
    private static string Core => Path.Combine(Repository.Root, "functions", "Core");

    private static IEnumerable<string> Files =>
    [
        .. Directory.GetFiles(Path.Combine(Core, "CheckDomain", "Rules"), "*.cs"),
        .. ((string[])["Judge", "Rule", "CheckEvaluation", "Observation", "NetworkFindings"]).Select(name => Path.Combine(Core, "CheckDomain", name + ".cs")),
        .. ((string[])["CheckRunState", "CheckRunEvents", "CheckRunDecision", "PendingFinding", "FindingChanges", "ClockSkew"]).Select(name => Path.Combine(Core, "Domains", name + ".cs")),
    ];

    [Fact]
    public void Rules_and_the_state_of_a_check_run_have_no_clock_no_IO_and_no_surroundings() =>
        Assert.All(Files, file => Assert.DoesNotMatch(Surroundings(), File.ReadAllText(file)));

    [GeneratedRegex(@"\b(TimeProvider|UtcNow|DateTime\.Now|Stopwatch|Task|async|await|CancellationToken|HttpClient|Socket|TableClient|BlobClient|X509Chain|Environment|Random|Guid|CurrentCulture|CurrentUICulture|ILogger)\b")]
    private static partial Regex Surroundings();
}
