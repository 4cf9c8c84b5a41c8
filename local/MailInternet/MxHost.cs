namespace StsFunctions.Local.MailInternet;

/// <summary>An MX host: one SMTP server for each of its addresses.</summary>
public sealed class MxHost : IAsyncDisposable
{
    internal MxHost(string name, IReadOnlyList<SmtpServer> servers) => (Name, Servers) = (name, servers);

    /// <summary>The host name, as the MX record has it.</summary>
    public string Name { get; }

    /// <summary>One for each address, in the order of its DNS records; one that is dead does not listen.</summary>
    public IReadOnlyList<SmtpServer> Servers { get; }

    /// <summary>What all its addresses show in TLS (to read: what the first one shows).</summary>
    public IssuedCertificate Certificate
    {
        get => Servers[0].Certificate;
        set
        {
            foreach (var server in Servers)
                server.Certificate = value;
        }
    }

    /// <summary>How all its addresses talk (to read: how the first one does).</summary>
    public SmtpScript Script
    {
        get => Servers[0].Script;
        set
        {
            foreach (var server in Servers)
                server.Script = value;
        }
    }

    /// <summary>Listens on every address, dead ones included.</summary>
    /// <exception cref="InvalidOperationException">An address is not this machine's, or its port is taken.</exception>
    public void Start()
    {
        foreach (var server in Servers)
            server.Start();
    }

    /// <summary>Stops listening on every address.</summary>
    public void Stop()
    {
        foreach (var server in Servers)
            server.Stop();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers)
            await server.DisposeAsync();
    }
}
