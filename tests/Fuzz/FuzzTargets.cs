using StsFunctions.Fuzz.Targets;

namespace StsFunctions.Fuzz;

/// <summary>Every target, and how one is run.</summary>
internal static class FuzzTargets
{
    // Far more than the largest input allocates, and far less than a decompression bomb or a runaway parser does.
    private const long MaxAllocatedBytes = 96 << 20;

    public static IReadOnlyList<IFuzzTarget> All { get; } =
    [
        new PolicyFileTarget(),
        new TxtRecordTarget(),
        new TlsReportTarget(),
        new ContainerTarget(),
        new MailTarget(),
        new DnsAnswerTarget(),
        new CertificateChainTarget(),
        new SmtpDialogueTarget(),
    ];

    public static IFuzzTarget Named(string name) =>
        All.FirstOrDefault(target => target.Name == name)
        ?? throw new ArgumentException($"There is no target \"{name}\". Choose one of: {string.Join(", ", All.Select(target => target.Name))}.", nameof(name));

    /// <summary>Runs a target on an input, within bounded memory.</summary>
    /// <exception cref="InvariantException">An invariant does not hold. Any other exception is a fault too.</exception>
    public static void Run(IFuzzTarget target, byte[] input)
    {
        var thread = Environment.CurrentManagedThreadId;
        var before = GC.GetAllocatedBytesForCurrentThread();
        target.Run(input);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Invariant.Holds(
            thread != Environment.CurrentManagedThreadId || allocated <= MaxAllocatedBytes,
            $"{allocated} bytes were allocated for an input of {input.Length}");
    }
}
