using System.Net;

namespace StsFunctions.Tests.RealServers;

/// <summary>Exim, whose TLS is GnuTLS's: one process for one MX host.</summary>
internal static class EximServer
{
    /// <summary>Starts it, and returns when it listens.</summary>
    public static async Task<ServerProcess> StartAsync(DebianPackages packages, string folder, MailServer server, int port, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var certificates = string.Join(" : ", server.WriteCertificates(folder));
        var configuration = Path.Combine(folder, "exim.conf");
        await File.WriteAllTextAsync(configuration, $"""
            primary_hostname = {server.Host}
            spool_directory = {folder}
            log_file_path = {folder}/%slog
            pid_file_path = {folder}/exim.pid
            local_interfaces = <; {string.Join(" ; ", server.Addresses)}
            daemon_smtp_ports = {port}
            keep_environment =
            rfc1413_query_timeout = 0s
            tls_advertise_hosts = {(server.Certificates is [] ? "" : "*")}
            tls_certificate = {certificates}
            tls_privatekey = {certificates}
            tls_require_ciphers = {PriorityOf(server.Versions)}

            """, cancellationToken);
        // As root it changes into its user, and as anybody else it must be that user already.
        var users = PretendedUsers.Of(folder, Environment.IsPrivilegedProcess, ["Debian-exim"]);
        return await ServerProcess.StartAsync(
            packages, [packages.File("usr/sbin/exim4"), "-bdf", "-C", configuration], folder,
            exim => Task.WhenAll(server.Addresses.Select(address => exim.ListensAsync(new IPEndPoint(address, port), cancellationToken))),
            users, Path.Combine(folder, "mainlog"));
    }

    // GnuTLS's priority strings; the oldest versions are still in it.
    private static string PriorityOf(TlsVersions versions) => versions switch
    {
        TlsVersions.Tls12 => "NORMAL:-VERS-ALL:+VERS-TLS1.2",
        TlsVersions.Tls11 => "NORMAL:-VERS-ALL:+VERS-TLS1.1",
        _ => "NORMAL",
    };
}
