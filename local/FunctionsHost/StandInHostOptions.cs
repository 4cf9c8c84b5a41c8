using System.Net.Security;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>What the stand-in runs, and how.</summary>
public sealed record StandInHostOptions
{
    /// <summary>The folder with host.json and one folder a function: a published app, or a build's output.</summary>
    public required string AppRoot { get; init; }

    /// <summary>The app's settings: environment variables for the handler, beside those it inherits. <c>AzureWebJobsStorage</c>
    /// is needed when a function has a queue trigger. Also what <c>%NAME%</c> in a function.json stands for.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>The loopback port for HTTP; 0 for a free one.</summary>
    public int HttpPort { get; init; }

    /// <summary>The loopback port for HTTPS, used when <see cref="CertificateFor"/> is set; 0 for a free one.</summary>
    public int HttpsPort { get; init; }

    /// <summary>The certificate for a server name (null when the client names none); null refuses the handshake.
    /// Without this function there is no HTTPS.</summary>
    public Func<string?, SslStreamCertificateContext?>? CertificateFor { get; init; }

    /// <summary>True to behave like a host older than April 2025, which does not know enableProxyingHttpRequest.</summary>
    public bool OlderHost { get; init; }

    /// <summary>False: timers run only when asked for.</summary>
    public bool RunTimers { get; init; } = true;

    /// <summary>How long an empty queue is left alone.</summary>
    public TimeSpan QueuePollInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>When a failed message comes back; null for host.json's <c>visibilityTimeout</c>. Tests shorten it.</summary>
    public TimeSpan? QueueRetryDelay { get; init; }

    /// <summary>How long a message is invisible to others while it is worked on (renewed until the work ends).</summary>
    public TimeSpan QueueLock { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often the lock is renewed.</summary>
    public TimeSpan QueueLockRenewal { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The crash within 30 minutes that stops the host.</summary>
    public int FatalCrash { get; init; } = 3;

    /// <summary>Receives every log line, from any thread.</summary>
    public Action<HostLog>? OnLog { get; init; }

    /// <summary>Receives every finished invocation, from any thread.</summary>
    public Action<Invocation>? OnInvocation { get; init; }

    /// <summary>The clock of timers, of their payloads, and of the crash count.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
