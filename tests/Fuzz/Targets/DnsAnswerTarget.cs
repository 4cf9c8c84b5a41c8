using StsFunctions.Core.Observations;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// A message of DNS (RFC 1035 §4), as the answer to every question of a check. An odd first octet means that the resolver validates
/// DNSSEC; the rest is the message. <see cref="DnsObserver"/> makes an answer of anything, within its bounds; addresses are found or a
/// <see cref="HostNotReachedException"/> says why not; and the rules evaluate whatever was answered.
/// </summary>
internal sealed class DnsAnswerTarget : IFuzzTarget
{
    private const int MaxRecords = 64;
    private const int MaxText = 32 * 1024;
    private const int MaxAliases = 16;
    private const int MaxDetail = 300;
    private const string Domain = "example.com";

    public string Name => "dns";

    public void Run(byte[] input)
    {
        var resolver = ResolverOf(input);
        var dns = new DnsObserver(resolver);
        var (mx, txt) = (Answer(dns.MxAsync(Domain, default)), Answer(dns.TxtAsync($"_mta-sts.{Domain}", default)));
        var (a, aaaa) = (Answer(dns.AAsync("mx1.example.com", default)), Answer(dns.AaaaAsync("mx1.example.com", default)));
        var (tlsa, caa) = (Answer(dns.TlsaAsync("_25._tcp.mx1.example.com", default)), Answer(dns.CaaAsync($"mta-sts.{Domain}", default)));
        var dmarc = Answer(dns.DmarcAsync(Domain, default));
        AskAddresses(resolver);

        ObservedDomain.AssertEvaluated(ObservedDomain.Good with
        {
            Mx = mx,
            StsRecords = txt,
            TlsRptRecords = txt,
            Dmarc = dmarc,
            PolicyHost = ObservedDomain.Good.PolicyHost with { A = a, Aaaa = aaaa, Caa = caa },
            MxHosts = [new MxHostObservation("mx1.example.com", 10, Implicit: false, a, aaaa, tlsa, Probes: [])],
        });
    }

    /// <summary>The resolver that answers every question with the message of an input.</summary>
    internal static DnsResolver ResolverOf(byte[] input)
    {
        var message = input.Length == 0 ? [] : input[1..];
        return new DnsResolver((name, type, cancellationToken) => Task.FromResult(DnsMessage.Read(message)), validates: input is [var first, ..] && first % 2 == 1);
    }

    private static DnsAnswer Answer(Task<DnsAnswer> asked)
    {
        var answer = asked.GetAwaiter().GetResult();
        Invariant.Holds(answer.Records.Count <= MaxRecords && answer.Records.Sum(record => (long)record.Length) <= MaxText, "more is kept of an answer than its bounds");
        Invariant.Holds(answer.Aliases.Count <= MaxAliases && answer.Ttl >= 0, "the aliases or the time to live are out of bounds");
        Invariant.Holds(answer.Records is [] || answer.Outcome == DnsOutcome.Found, $"there are records, and the outcome is {answer.Outcome}");
        Invariant.Holds(answer.Detail is null || (answer.Detail.Length <= MaxDetail && !answer.Detail.Contains('\n', StringComparison.Ordinal)), $"the detail is not one short line: {answer.Detail}");
        return answer;
    }

    private static void AskAddresses(DnsResolver resolver)
    {
        try
        {
            resolver.AddressesAsync("mta-sts.example.com", CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (HostNotReachedException)
        {
            // DNS returned no address.
        }
    }
}
