namespace StsFunctions.Fuzz;

/// <summary>One reader of hostile input, as the fuzzer calls it.</summary>
internal interface IFuzzTarget
{
    /// <summary>Its name on the command line, and of its folder in <c>Corpus/</c>.</summary>
    string Name { get; }

    /// <summary>Seeds that other tests own, beside its own corpus: file patterns under <c>tests/</c>.</summary>
    IReadOnlyList<string> SharedSeeds => [];

    /// <summary>Reads the input, and throws when an invariant does not hold.</summary>
    void Run(byte[] input);
}
