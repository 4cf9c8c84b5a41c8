using System.Text;
using StsFunctions.Fuzz;
using StsFunctions.Fuzz.Targets;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Fuzzing;

/// <summary>The fuzzer's targets, run without the fuzzer over every input that is kept: what was found once stays fixed.</summary>
public sealed class FuzzCorpusTests
{
    private static readonly string Tests = Path.Combine(Repository.Root, "tests");

    /// <summary>Every target with each of its seeds.</summary>
    public static TheoryData<string, string> Inputs
    {
        get
        {
            var inputs = new TheoryData<string, string>();
            foreach (var target in FuzzTargets.All)
            {
                foreach (var file in SeedCorpus.FilesOf(Tests, target))
                {
                    inputs.Add(target.Name, Path.GetRelativePath(Tests, file).Replace('\\', '/'));
                }
            }

            return inputs;
        }
    }

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Inputs))]
    [Trait("Conformance", "ARR-5 TXT-1 TXT-6 POL-1 RPT-1 MX-4")]
    public void Every_input_of_the_corpus_keeps_the_invariants_of_its_target(string target, string file) =>
        FuzzTargets.Run(FuzzTargets.Named(target), File.ReadAllBytes(Path.Combine(Tests, file)));

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_target_takes_nothing_at_all_and_octets_of_every_value(string target)
    {
        FuzzTargets.Run(FuzzTargets.Named(target), []);
        FuzzTargets.Run(FuzzTargets.Named(target), [.. Enumerable.Range(0, 256).Select(octet => (byte)octet)]);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_target_has_seeds_and_a_dictionary_and_its_own_folder_stays_small(string target)
    {
        var folder = SeedCorpus.FolderOf(Tests, FuzzTargets.Named(target));
        Assert.InRange(Directory.GetFiles(folder).Sum(file => new FileInfo(file).Length), 1, SeedCorpus.MaxFolderBytes);
        Assert.All(File.ReadAllLines(Path.Combine(Tests, "Fuzz", "Dictionaries", $"{target}.dict")), line => Assert.Matches("^\"[ -~]+\"$", line));
    }

    [Fact]
    public void Every_folder_of_the_corpus_is_that_of_a_target() => Assert.Equal(
        FuzzTargets.All.Select(target => target.Name).Order(StringComparer.Ordinal),
        Directory.GetDirectories(Path.Combine(Tests, "Fuzz", "Corpus")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal));
}
