using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;

namespace StsFunctions.Bench;

/// <summary>SMTP sessions a second, as a check makes them, beside a bare SslStream that speaks the same dialogue to the same servers.</summary>
internal static class ProbeBench
{
    private const int Pairs = 7;
    private const int Sessions = 3_000;
    private const int Hosts = 32;
    private const int AtOnce = 16;
    private const double LeastOfBare = 0.9;

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        await using var lab = await MailLab.StartAsync(TimeProvider.System, cancellationToken);
        lab.Add(new LabDomain("bench.example", "") { Mx = [.. Enumerable.Range(0, Hosts).Select(n => new LabMx($"mx{n}.bench.example"))] });
        var targets = lab.Hosts.Select(host => new Target25(host.Name, host.Servers[0].EndPoint.Address)).ToList();
        var roots = new X509Certificate2Collection(lab.Ca.Root);
        var guard = new EgressGuard(new EgressOptions
        {
            DnsServer = lab.Dns,
            AllowedNetworks = [IPNetwork.Parse("127.0.0.0/8")],
            HttpsPort = lab.HttpsPort,
            TrustedRoots = new TrustedRoots(roots),
        });
        var options = new CheckOptions { SmtpPort = lab.SmtpPort, ReferenceMxHosts = [], RetryDelay = TimeSpan.Zero };
        var probe = new SmtpProbe(guard, options, "check.example", TimeProvider.System);

        var pairs = bench.Rounds ?? Pairs;
        var rows = new List<(double Ours, double Bare)>();
        for (var i = -1; i < pairs; i++)
        {
            var ours = await RateAsync(targets, target => OursAsync(probe, target, cancellationToken), cancellationToken);
            var bare = await RateAsync(targets, target => BareAsync(target, lab.SmtpPort, roots, cancellationToken), cancellationToken);
            progress.Report(FormattableString.Invariant($"{(i < 0 ? "Warm-up" : $"Pair {i + 1} of {pairs}")}: {ours:0} and {bare:0} sessions/s"));
            if (i >= 0)
            {
                rows.Add((ours, bare));
            }
        }

        var ratio = Statistics.Of(rows.Select(row => row.Ours / row.Bare));
        return new Outcome(
            "probe",
            [
                $"{Sessions} sessions of greeting, EHLO, STARTTLS, TLS 1.3, EHLO, QUIT with {Hosts} servers on loopback, {AtOnce} at a time; the servers run in the same process.",
                "A: the probe of a check, which records banner, extensions, times, both chains and every reason against them. B: a bare SslStream that discards what it reads.",
                $"{pairs} pairs A B, compiled just in time, after one to warm up. {MachineInfo.Describe()}.",
            ],
            ["", "probe /s", "bare /s", "ratio"],
            [
                .. rows.Select((row, i) => (string[])[$"pair {i + 1}", Text(row.Ours, "0"), Text(row.Bare, "0"), Text(row.Ours / row.Bare, "0.00")]),
                ["median", Text(Statistics.Of(rows.Select(row => row.Ours)).Median, "0"), Text(Statistics.Of(rows.Select(row => row.Bare)).Median, "0"), Text(ratio.Median, "0.00")],
            ],
            [new Target("probe / bare, median of pairs", FormattableString.Invariant($"at least {LeastOfBare}"), ratio.Median, ratio.Median >= LeastOfBare)],
            rows.Select(row => new { row.Ours, row.Bare }));
    }

    private static async Task<double> RateAsync(IReadOnlyList<Target25> targets, Func<Target25, Task> session, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, Sessions, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (n, _) => await session(targets[n % targets.Count]));
        return Sessions / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task OursAsync(SmtpProbe probe, Target25 target, CancellationToken cancellationToken)
    {
        var session = await probe.ProbeAsync(target.Host, target.Address, cancellationToken);
        if (session is not { Outcome: SmtpOutcome.Completed, Tls.Trust: [] })
        {
            throw new InvalidOperationException($"{target.Host}: {session.Outcome} {session.Detail}: the measurement does not count.");
        }
    }

    private static async Task BareAsync(Target25 target, int port, X509Certificate2Collection roots, CancellationToken cancellationToken)
    {
        using var socket = new Socket(target.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(target.Address, port), cancellationToken);
        await using var stream = new NetworkStream(socket);
        await ReadAsync(stream, "220", cancellationToken);
        await SayAsync(stream, "EHLO check.example", "250", cancellationToken);
        await SayAsync(stream, "STARTTLS", "220", cancellationToken);
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: true);
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, DisableCertificateDownloads = true, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.AddRange(roots);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = target.Host,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                AllowRenegotiation = false,
                AllowTlsResume = false,
                CertificateChainPolicy = trust,
            },
            cancellationToken);
        await SayAsync(tls, "EHLO check.example", "250", cancellationToken);
        await SayAsync(tls, "QUIT", "221", cancellationToken);
    }

    private static async Task SayAsync(Stream stream, string command, string code, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), cancellationToken);
        await ReadAsync(stream, code, cancellationToken);
    }

    // To the end of the reply's last line: "250 " and not "250-".
    private static async Task ReadAsync(Stream stream, string code, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        var length = 0;
        while (true)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            length += read;
            var text = Encoding.ASCII.GetString(buffer, 0, length);
            if (text.EndsWith("\r\n", StringComparison.Ordinal) && text.TrimEnd().Split("\r\n")[^1].StartsWith(code + " ", StringComparison.Ordinal))
            {
                return;
            }

            if (read == 0)
            {
                throw new InvalidOperationException($"The server said: {text}");
            }
        }
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private sealed record Target25(string Host, IPAddress Address);
}
