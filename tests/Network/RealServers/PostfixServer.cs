using System.Net;

namespace StsFunctions.Tests.RealServers;

/// <summary>Postfix, whose TLS is OpenSSL's: one master for any number of MX hosts.</summary>
internal static class PostfixServer
{
    private static readonly string[] Queues = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid", "private", "public", "saved", "trace"];

    /// <summary>Starts it, and returns when it listens at every address.</summary>
    public static async Task<ServerProcess> StartAsync(
        DebianPackages packages, string folder, IReadOnlyList<MailServer> servers, int port, CancellationToken cancellationToken)
    {
        foreach (var queue in Queues)
        {
            Directory.CreateDirectory(Path.Combine(folder, "queue", queue));
        }

        Directory.CreateDirectory(Path.Combine(folder, "data"));
        var users = PretendedUsers.Of(folder, asRoot: true, ["postfix", "nobody"], "postdrop");
        await File.WriteAllTextAsync(Path.Combine(folder, "main.cf"), $"""
            compatibility_level = 3.6
            queue_directory = {folder}/queue
            data_directory = {folder}/data
            meta_directory = {folder}
            command_directory = {packages.File("usr/sbin")}
            daemon_directory = {packages.File("usr/lib/postfix/sbin")}
            shlib_directory = {packages.File("usr/lib/postfix")}
            import_environment = MAIL_CONFIG MAIL_LOGTAG POSTLOG_SERVICE POSTLOG_HOSTNAME LD_LIBRARY_PATH {string.Join(' ', users.Environment.Keys)}
            myhostname = localhost.example
            inet_interfaces = loopback-only
            mydestination =
            alias_maps =
            local_recipient_maps =
            smtpd_peername_lookup = no
            smtpd_client_connection_count_limit = 0
            smtpd_client_connection_rate_limit = 0
            maillog_file = {folder}/log
            maillog_file_prefixes = {folder}

            """, cancellationToken);
        var services = servers.SelectMany(server => server.Addresses.Select(address => $"""
            {new IPEndPoint(address, port)} inet n - n - - smtpd
              -o myhostname={server.Host}
              -o smtpd_tls_security_level={(server.Certificates is [] ? "none" : "may")}
              -o smtpd_tls_chain_files={string.Join(',', server.WriteCertificates(folder))}
              -o smtpd_tls_protocols={ProtocolsOf(server.Versions)}
            """));
        await File.WriteAllTextAsync(Path.Combine(folder, "master.cf"), $"""
            {string.Join('\n', services)}
            tlsmgr unix - - n 1000? 1 tlsmgr
            postlog unix-dgram n - n - 1 postlogd

            """, cancellationToken);
        return await ServerProcess.StartAsync(
            packages, [packages.File("usr/lib/postfix/sbin/master"), "-d", "-c", folder], folder,
            postfix => Task.WhenAll(servers.SelectMany(server => server.Addresses).Select(address => postfix.ListensAsync(new IPEndPoint(address, port), cancellationToken))),
            users, Path.Combine(folder, "log"));
    }

    private static string ProtocolsOf(TlsVersions versions) => versions switch
    {
        TlsVersions.Tls12 => "TLSv1.2",
        TlsVersions.Tls11 => "TLSv1.1",
        _ => ">=TLSv1.2",
    };
}
