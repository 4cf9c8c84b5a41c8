using System.Diagnostics;
using System.Net;

namespace StsFunctions.Tests.RealServers;

/// <summary>A zone as its master file has it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Signed">Whether it is signed when it is loaded.</param>
/// <param name="Records">Its records, one a line, beside SOA and NS.</param>
internal sealed record Zone(string Name, bool Signed, IEnumerable<string> Records);

/// <summary>Knot DNS, the authority for some zones, over UDP and TCP.</summary>
internal sealed class KnotServer(DebianPackages packages, string configuration, ServerProcess process) : IAsyncDisposable
{
    /// <summary>What no answer over UDP exceeds; more is truncated, and there over TCP (RFC 9715).</summary>
    public const int LargestDatagram = 1232;

    /// <summary>Starts it, and returns when every zone is loaded, and signed where it is to be.</summary>
    public static async Task<KnotServer> StartAsync(DebianPackages packages, string folder, IPEndPoint endPoint, IReadOnlyList<Zone> zones, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        foreach (var zone in zones)
        {
            await File.WriteAllTextAsync(Path.Combine(folder, $"{zone.Name}.zone"), $"""
                $ORIGIN {zone.Name}.
                $TTL 300
                @ SOA ns hostmaster 1 3600 600 86400 300
                @ NS ns
                ns A {endPoint.Address}
                {string.Join('\n', zone.Records)}

                """, cancellationToken);
        }

        var configuration = Path.Combine(folder, "knot.conf");
        await File.WriteAllTextAsync(configuration, $"""
            server:
                rundir: "{folder}"
                listen: {endPoint.Address}@{endPoint.Port}
                udp-workers: 1
                tcp-workers: 1
                background-workers: 1
                udp-max-payload: {LargestDatagram}
            log:
              - target: stderr
                any: info
            database:
                storage: "{folder}"
            policy:
              - id: lab
                algorithm: ecdsap256sha256
            template:
              - id: default
                storage: "{folder}"
                zonefile-load: whole
                zonefile-sync: -1
                journal-content: none
            zone:
            {string.Join('\n', zones.Select(zone => $"""
              - domain: {zone.Name}
                file: {zone.Name}.zone
                dnssec-signing: {(zone.Signed ? "on" : "off")}
                dnssec-policy: lab
            """))}

            """, cancellationToken);
        var process = await ServerProcess.StartAsync(
            packages, [packages.File("usr/sbin/knotd"), "-c", configuration], folder, knot => knot.WaitForOutputAsync("server started", cancellationToken));
        return new KnotServer(packages, configuration, process);
    }

    /// <summary>The DS record that a parent would publish of a signed zone: the anchor of trust in it.</summary>
    public async Task<string> DelegationSignerAsync(string zone, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(packages.File("usr/sbin/keymgr"), ["-c", configuration, zone, "ds"]);
        start.Environment["LD_LIBRARY_PATH"] = packages.Libraries;
        var keymgr = await FinishedProcess.RunAsync(start, cancellationToken);
        return keymgr.ExitCode == 0
            ? keymgr.Output.Split('\n')[0]
            : throw new InvalidOperationException($"keymgr printed no DS of {zone}: {keymgr.Errors}");
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();
}
