using System.Net;

namespace StsFunctions.Tests.RealServers;

/// <summary>Unbound, a resolver that validates.</summary>
internal static class UnboundServer
{
    /// <summary>Starts it, and returns when it answers.</summary>
    /// <param name="packages">Where it is.</param>
    /// <param name="folder">Its own folder.</param>
    /// <param name="endPoint">Where it listens.</param>
    /// <param name="authority">Whom it asks, whatever it is asked: nothing leaves this machine.</param>
    /// <param name="anchors">DS records of the zones that it is to find signed.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public static async Task<ServerProcess> StartAsync(
        DebianPackages packages, string folder, IPEndPoint endPoint, IPEndPoint authority, IEnumerable<string> anchors, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var configuration = Path.Combine(folder, "unbound.conf");
        await File.WriteAllTextAsync(configuration, $"""
            server:
                interface: {endPoint.Address}@{endPoint.Port}
                directory: "{folder}"
                chroot: ""
                username: ""
                pidfile: ""
                use-syslog: no
                logfile: ""
                num-threads: 1
                do-ip6: no
                do-not-query-localhost: no
                access-control: 127.0.0.0/8 allow
                module-config: "validator iterator"
                max-udp-size: {KnotServer.LargestDatagram}
            {string.Join('\n', anchors.Select(anchor => $"    trust-anchor: \"{anchor}\""))}
            remote-control:
                control-enable: no
            forward-zone:
                name: "."
                forward-addr: {authority.Address}@{authority.Port}

            """, cancellationToken);
        return await ServerProcess.StartAsync(
            packages, [packages.File("usr/sbin/unbound"), "-d", "-c", configuration], folder, unbound => unbound.WaitForOutputAsync("start of service", cancellationToken));
    }
}
