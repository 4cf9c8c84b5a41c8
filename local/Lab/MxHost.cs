namespace StsFunctions.Local.Lab;

/// <summary>An MX host: one SMTP server for each of its addresses.</summary>
public sealed class MxHost : IAsyncDisposable
{
    private volatile IReadOnlyList<SmtpServer> _servers;

    internal MxHost(string name, IReadOnlyList<SmtpServer> servers) => (Name, _servers) = (name, servers);

    /// <summary>The host name, as the MX record has it.</summary>
    public string Name { get; }

    /// <summary>One for each address, in the order of its DNS records; one that is dead does not listen.</summary>
    public IReadOnlyList<SmtpServer> Servers
    {
        get => _servers;
        internal set => _servers = value;
    }

    /// <summary>The name that its own is an alias of; null when it has its addresses itself.</summary>
    public string? AliasOf { get; internal set; }

    /// <summary>The only certificate of all its addresses (to read: the first certificate of the first address).</summary>
    public IssuedCertificate Certificate
    {
        get => Servers[0].Certificate;
        set => Certificates = [value];
    }

    /// <summary>The certificates of all its addresses: a server sends the first that the client can use (to read: those of the first address).</summary>
    /// <exception cref="ArgumentException">There is none, or two have the same kind of key.</exception>
    public IReadOnlyList<IssuedCertificate> Certificates
    {
        get => Servers[0].Certificates;
        set
        {
            foreach (var server in Servers)
            {
                server.Certificates = value;
            }
        }
    }

    /// <summary>The script of all its addresses (to read: that of the first address).</summary>
    public SmtpScript Script
    {
        get => Servers[0].Script;
        set
        {
            foreach (var server in Servers)
            {
                server.Script = value;
            }
        }
    }

    /// <summary>Listens on every address, dead ones included.</summary>
    /// <exception cref="InvalidOperationException">An address is not this machine's, or its port is taken.</exception>
    public void Start()
    {
        foreach (var server in Servers)
        {
            server.Start();
        }
    }

    /// <summary>Stops listening on every address.</summary>
    public void Stop()
    {
        foreach (var server in Servers)
        {
            server.Stop();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers)
        {
            await server.DisposeAsync();
        }
    }
}
