using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// A policy file (RFC 8461 §3.2), read by <see cref="Policy.Parse"/>. What is read can be written, and reads back as the same policy in the
/// same bytes; what is refused is refused by a <see cref="ProtocolException"/> with a position within the file; and the rules evaluate any file.
/// </summary>
internal sealed class PolicyFileTarget : IFuzzTarget
{
    private const string TooLarge = "RFC 8461 §3.3";

    public string Name => "policy";

    public void Run(byte[] input)
    {
        try
        {
            RoundTrip(Policy.Parse(input), input);
        }
        catch (ProtocolException fault)
        {
            Invariant.Readable(fault);
            Invariant.Holds(
                fault.Line is { } line ? line >= 1 && line <= input.Count(octet => octet == '\n') + 2 : fault.Rule == TooLarge,
                $"the fault has no place in the file: {fault.Message}");
        }

        ObservedDomain.AssertEvaluated(ObservedDomain.Good with { PolicyHost = ObservedDomain.Good.PolicyHost with { Fetch = ObservedDomain.Fetched(input) } });
    }

    private static void RoundTrip(Policy policy, byte[] input)
    {
        byte[] written;
        try
        {
            written = policy.ToBytes();
        }
        catch (ProtocolException fault) when (fault.Rule == TooLarge)
        {
            // Each line is written with a carriage return and one space more, which it may have come without.
            Invariant.Holds(input.Length + (2 * input.Count(octet => octet == '\n')) > Policy.MaxBytes - 2, "a small policy became too large");
            return;
        }

        var again = Policy.Parse(written);
        Invariant.Holds(again.Equals(policy), "the policy reads back as another");
        Invariant.Holds(again.ToBytes().AsSpan().SequenceEqual(written), "the policy is written in two ways");
    }
}
