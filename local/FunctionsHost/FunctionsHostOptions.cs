using System.Net.Security;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>What a host runs, and how.</summary>
public sealed record FunctionsHostOptions
{
    /// <summary>The published app, or the output of its build: the folder with host.json and worker.config.json.</summary>
    public required string AppRoot { get; init; }

    /// <summary>The app's settings: environment variables, beside those that are inherited. Also the values of <c>%NAME%</c> in a trigger.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The loopback port for HTTP; 0 for a free one.</summary>
    public int HttpPort { get; init; }

    /// <summary>The loopback port for HTTPS, used when <see cref="CertificateFor"/> is set; 0 for a free one.</summary>
    public int HttpsPort { get; init; }

    /// <summary>The certificate for a server name (null when the client names none); null refuses the handshake.
    /// Without this function there is no HTTPS.</summary>
    public Func<string?, SslStreamCertificateContext?>? CertificateFor { get; init; }

    /// <summary>False: timers run only when asked for.</summary>
    public bool RunTimers { get; init; } = true;

    /// <summary>The key that opens <c>/admin</c> (header <c>x-functions-key</c>); null where it is open to all, as under Core Tools.</summary>
    public string? AdminKey { get; init; }

    /// <summary>Receives every log line, from any thread.</summary>
    public Action<HostLog>? OnLog { get; init; }

    /// <summary>Receives every finished invocation, from any thread.</summary>
    public Action<Invocation>? OnInvocation { get; init; }
}
