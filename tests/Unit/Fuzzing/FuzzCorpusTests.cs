using StsFunctions.Core.Observations;
using StsFunctions.Fuzz;
using StsFunctions.Fuzz.Targets;
using StsFunctions.Local;
using StsFunctions.Network.Probes;
using Xunit;

namespace StsFunctions.Tests.Fuzzing;

/// <summary>The fuzzer's targets, run without the fuzzer over every stored input: what was found once stays fixed.</summary>
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
    public void Every_input_of_the_corpus_satisfies_the_invariants_of_its_target(string target, string file) =>
        FuzzTargets.Run(FuzzTargets.Named(target), File.ReadAllBytes(Path.Combine(Tests, file)));

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_target_accepts_an_empty_input_and_all_byte_values(string target)
    {
        FuzzTargets.Run(FuzzTargets.Named(target), []);
        FuzzTargets.Run(FuzzTargets.Named(target), [.. Enumerable.Range(0, 256).Select(octet => (byte)octet)]);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_target_has_seeds_and_a_dictionary_and_a_small_folder(string target)
    {
        var folder = SeedCorpus.FolderOf(Tests, FuzzTargets.Named(target));
        Assert.InRange(Directory.GetFiles(folder).Length, 1, SeedCorpus.MaxFolderFiles);
        Assert.InRange(Directory.GetFiles(folder).Sum(file => new FileInfo(file).Length), 1, SeedCorpus.MaxFolderBytes);
        Assert.All(File.ReadAllLines(Path.Combine(Tests, "Fuzz", "Dictionaries", $"{target}.dict")), line => Assert.Matches("^\"[ -~]+\"$", line));
    }

    [Fact]
    public void Every_folder_of_the_corpus_belongs_to_a_target() => Assert.Equal(
        FuzzTargets.All.Select(target => target.Name).Order(StringComparer.Ordinal),
        Directory.GetDirectories(Path.Combine(Tests, "Fuzz", "Corpus")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal));

    // A target that rejected every input at once would satisfy every invariant.
    [Theory]
    [InlineData("ed25519-relaxed", true)]
    [InlineData("ed25519-simple", true)]
    [InlineData("rsa-relaxed", true)]
    [InlineData("part-of-body", false)]
    [InlineData("empty-key", false)]
    public void A_signed_mail_of_the_corpus_is_verified_by_the_key_in_its_first_line(string seed, bool isValid) =>
        Assert.Equal(isValid ? ["alpha-mail.example"] : [], MailTarget.SignersOf(Seed("mail", seed))!.Valid.Select(signer => signer.Value));

    [Theory]
    [InlineData("good", null)]
    [InlineData("leaf-alone", "PartialChain")]
    [InlineData("self-signed", "UntrustedRoot")]
    public void A_chain_of_the_corpus_is_built_to_the_root_of_the_target(string seed, string? fault)
    {
        var faults = CertificateChainTarget.HandshakeOf(Seed("certificates", seed)).Trust;
        Assert.Equal(fault is null, faults is []);
        Assert.All(faults, one => Assert.StartsWith(fault!, one, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("handshake-broken", "TlsFailed")]
    [InlineData("alert-version", "TlsVersion")]
    [InlineData("alert-handshake", "TlsCipher")]
    [InlineData("injected", "StartTlsInjected")]
    [InlineData("no-starttls", "StartTlsMissing")]
    [InlineData("refused", "StartTlsRefused")]
    [InlineData("turned-away", nameof(SmtpOutcome.Rejected))]
    [InlineData("nothing", nameof(SmtpOutcome.ConnectionDropped))]
    public void A_dialogue_of_the_corpus_reaches_the_stage_of_its_name(string seed, string outcome) =>
        Assert.Equal(outcome, SmtpDialogueTarget.SessionOf(Seed("smtp", seed)).Outcome.ToString());

    [Fact]
    public async Task A_message_of_the_corpus_is_read_as_the_answer_of_a_resolver()
    {
        var mx = await new DnsObserver(DnsAnswerTarget.ResolverOf(Seed("dns", "mx"))).MxAsync("example.com", TestContext.Current.CancellationToken);
        Assert.Equal(["10 mx1.example.com", "20 mx2.example.net"], mx.Records);
    }

    private static byte[] Seed(string target, string seed) => File.ReadAllBytes(Path.Combine(SeedCorpus.FolderOf(Tests, FuzzTargets.Named(target)), seed));
}
