using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Core.Observations;
using StsFunctions.Network.Egress;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// The certificates of a server, each after its length in three octets as TLS sends them (RFC 5246 §7.4.2), built into a chain by
/// <see cref="ServerCertificates"/>. What is stored is bounded; a list that is not of certificates is a <see cref="CryptographicException"/>;
/// and the rules evaluate what any server presents, whether a chain was built or not.
/// </summary>
internal sealed class CertificateChainTarget : IFuzzTarget
{
    private const string Host = "mx1.example.com";
    private const int MaxFault = 300;

    // Parsed here only as far as a handshake would send them.
    private const int MaxSent = 40;

    // The root of the seeds; its key was thrown away.
    private static readonly TrustedRoots Roots = new([X509CertificateLoader.LoadCertificate(Convert.FromBase64String(
        "MIIBMjCB2KADAgECAgkA51CLA7gwacwwCgYIKoZIzj0EAwIwFDESMBAGA1UEAxMJRnV6eiBSb290MB4XDTI1MDEwMTAwMDAwMFoXDTQ1MDEwMTAwMDAwMFow"
        + "FDESMBAGA1UEAxMJRnV6eiBSb290MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXgszAnqRaHOUBWBDtLDAleuaeL1BSmqsK7eRU9fajXeXTPaxLNbi1qyl"
        + "it8wvFBFCPQN66p0OC60YUcqh0GX4qMTMBEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAoHsiFhmrWyHC5mql2W/bUd/QnFjEu4g5amha"
        + "VyQnsdoCIQDYO/4NEaMmJtazCL2ZUJH6ERxJu/5KK6kwXIsXKdGJzg=="))]);

    private static readonly EgressGuard Guard = new(new EgressOptions { TrustedRoots = Roots });

    public string Name => "certificates";

    public void Run(byte[] input)
    {
        var sent = Split(input);
        if (sent is [])
        {
            return;
        }

        var tls = Handshake(sent);
        var session = new SmtpSession("192.0.2.1", SmtpOutcome.Completed, Banner: "220 mx ESMTP", StartTlsReply: "220 go", Tls: tls);
        var narrow = session with { Offer = TlsOffer.Tls12Rsa, Tls = tls with { Chain = [.. tls.Chain.Reverse()] } };
        var own = Convert.ToHexStringLower(SHA256.HashData(sent[0]));
        ObservedDomain.AssertEvaluated(ObservedDomain.Good with
        {
            PolicyHost = ObservedDomain.Good.PolicyHost with { Fetch = ObservedDomain.Good.PolicyHost.Fetch! with { Tls = tls } },
            MxHosts =
            [
                new MxHostObservation(
                    Host, 10, Implicit: false,
                    ObservedDomain.Found(Host, "192.0.2.1"),
                    ObservedDomain.Nothing(Host),
                    ObservedDomain.Found($"_25._tcp.{Host}", $"3 0 1 {own}", $"3 1 1 {own}", $"2 0 1 {own}", $"2 1 2 {own}", "3 0 0 00") with { Authentic = true },
                    [new MxProbeResult(session, [narrow], ObservedDomain.At)]),
            ],
        });
    }

    /// <summary>What the handshake of an input shows.</summary>
    internal static TlsSession HandshakeOf(byte[] input) => Handshake(Split(input));

    // A handshake that fails shows no certificates to the rules; those of an agent's answer reach them as they are.
    private static TlsSession Handshake(List<byte[]> sent)
    {
        var policy = Guard.Trust();
        policy.VerificationTime = ObservedDomain.At.UtcDateTime;
        try
        {
            var built = ServerCertificates.Rebuilt(sent, policy);
            Invariant.Holds(built.Sent.Count == Math.Min(sent.Count, TlsSession.MaxCertificates) && built.Count == sent.Count, "certificates are lost");
            Invariant.Holds(built.Built.Count <= TlsSession.MaxCertificates, "the chain is longer than is kept");
            foreach (var fault in built.Faults)
            {
                Invariant.Holds(fault.Length <= MaxFault, $"a fault is too long: {fault}");
            }

            return new TlsSession("Tls13", "TLS_AES_256_GCM_SHA384", built.Sent, built.Built, built.Faults, built.CountIfCut);
        }
        catch (CryptographicException)
        {
            return new TlsSession("Tls12", "TLS_RSA_WITH_AES_128_CBC_SHA", sent, sent, ["PartialChain: CN=x"]);
        }
    }

    private static List<byte[]> Split(byte[] input)
    {
        var sent = new List<byte[]>();
        for (var rest = input.AsSpan(); rest.Length > 3 && sent.Count < MaxSent;)
        {
            var length = Math.Min((rest[0] << 16) | BinaryPrimitives.ReadUInt16BigEndian(rest[1..]), rest.Length - 3);
            sent.Add(rest.Slice(3, length).ToArray());
            rest = rest[(3 + length)..];
        }

        return sent;
    }
}
