using System.Net;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Observations;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// The octets that a server sends in an SMTP session (RFC 5321, RFC 3207), from the greeting into the TLS handshake, taken by
/// <see cref="SmtpProbe"/>. An odd first octet means that they come line by line, an even one that they come as fast as they are read. Any
/// server gives a session that ended somewhere before TLS; its words are bounded and plain; and the rules evaluate it.
/// </summary>
internal sealed class SmtpDialogueTarget : IFuzzTarget
{
    private const string Host = "mx1.example.com";
    private const int MaxEhloLines = 32;
    private const int MaxText = 2_000;

    private static readonly SmtpOutcome[] Possible =
    [
        SmtpOutcome.ConnectionDropped, SmtpOutcome.Rejected, SmtpOutcome.StartTlsMissing, SmtpOutcome.StartTlsRefused, SmtpOutcome.StartTlsInjected,
        SmtpOutcome.TlsFailed, SmtpOutcome.TlsVersion, SmtpOutcome.TlsCipher,
    ];

    private static readonly SmtpProbe Probe = new(new EgressGuard(new EgressOptions()), new CheckOptions(), "probe.example.net", new FakeTimeProvider(ObservedDomain.At));

    public string Name => "smtp";

    public void Run(byte[] input)
    {
        var session = SessionOf(input);
        Invariant.Holds(Possible.Contains(session.Outcome), $"the session ended as {session.Outcome}");
        foreach (var text in (string?[])[session.Banner, session.StartTlsReply, session.Detail, .. session.Ehlo ?? []])
        {
            Invariant.Plain(text ?? "", MaxText, "what the server said");
        }

        Invariant.Holds(session.Ehlo is null || session.Ehlo.Count <= MaxEhloLines, "more lines are kept of the answer to EHLO than its bounds");
        ObservedDomain.AssertEvaluated(ObservedDomain.Good with
        {
            MxHosts =
            [
                new MxHostObservation(
                    Host, 10, Implicit: false, ObservedDomain.Found(Host, "192.0.2.1"), ObservedDomain.Nothing(Host), ObservedDomain.Nothing($"_25._tcp.{Host}"),
                    [new MxProbeResult(session, Restricted: [])]),
            ],
        });
    }

    /// <summary>The session with the server of an input.</summary>
    internal static SmtpSession SessionOf(byte[] input)
    {
        using var server = new ScriptedServerStream(input.Length == 0 ? [] : input[1..], lineByLine: input is [var first, ..] && first % 2 == 1);
        return Probe.RunSessionAsync(server, Host, IPAddress.Parse("192.0.2.1"), CancellationToken.None).GetAwaiter().GetResult();
    }
}
