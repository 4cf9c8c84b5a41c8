using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>The decisions of a check depend only on the observation and on stored data: the deciding code uses no clock, no I/O and no environment.</summary>
public sealed partial class PureDecisionTests
{
    private static IEnumerable<string> Files =>
    [
        .. ((string[])["Rules", "Observations", "Checks", "Findings"]).SelectMany(folder => Directory.GetFiles(Path.Combine(Repository.Root, "functions", "Core", folder), "*.cs"))
            .Where(file => Path.GetFileNameWithoutExtension(file) is not ("ITxtLookup" or "FailureIsolation")),
        Path.Combine(Repository.Root, "functions", "UseCases", "Checks", "CheckEvaluation.cs"),
    ];

    [Fact]
    public void Rules_and_the_state_of_a_check_run_use_no_clock_no_IO_and_no_environment() =>
        Assert.All(Files, file => Assert.DoesNotMatch(Surroundings(), File.ReadAllText(file)));

    [GeneratedRegex(@"\b(TimeProvider|UtcNow|DateTime\.Now|Stopwatch|Task|async|await|CancellationToken|HttpClient|Socket|TableClient|BlobClient|X509Chain|Environment|Random|Guid|CurrentCulture|CurrentUICulture|ILogger)\b")]
    private static partial Regex Surroundings();
}
