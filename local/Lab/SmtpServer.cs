using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace StsFunctions.Local.Lab;

/// <summary>
/// An SMTP server on one address and port. Its script and certificates can be changed while it runs, and it can be stopped
/// and started again: the next connection gets the change.
/// </summary>
public sealed class SmtpServer : ILabServer, IAsyncDisposable
{
    private const int MaxMails = 1_000;
    private const int MaxReceived = 1_000;
    private static readonly TimeSpan SessionLimit = TimeSpan.FromMinutes(5);

    private readonly TimeProvider _time;
    private readonly LoopbackListener _listener;
    private readonly Lock _gate = new();
    private readonly List<ReceivedMail> _mails = [];
    private readonly Queue<string> _received = [];
    private volatile SmtpScript _script = SmtpScript.Good;
    private volatile IReadOnlyList<IssuedCertificate> _certificates;

    /// <summary>A server that does not listen yet.</summary>
    /// <param name="hostName">The name that it gives for itself.</param>
    /// <param name="endPoint">Where it will listen.</param>
    /// <param name="certificate">What it shows in TLS.</param>
    /// <param name="time">The time of the mail that it takes, and of the five minutes that a session may last.</param>
    public SmtpServer(string hostName, IPEndPoint endPoint, IssuedCertificate certificate, TimeProvider time)
    {
        (HostName, _certificates, _time) = (hostName, [certificate], time);
        _listener = new LoopbackListener(endPoint, ServeAsync);
    }

    /// <summary>The name that it gives for itself.</summary>
    public string HostName { get; }

    /// <summary>Where it listens, when it does.</summary>
    public IPEndPoint EndPoint => _listener.EndPoint;

    /// <summary>Its only certificate (to read: the first of its certificates).</summary>
    public IssuedCertificate Certificate
    {
        get => _certificates[0];
        set => _certificates = [value];
    }

    /// <summary>Its certificates: it sends the first that the client can use. Each has a key of another kind.</summary>
    /// <exception cref="ArgumentException">There is none, or two have the same kind of key.</exception>
    public IReadOnlyList<IssuedCertificate> Certificates
    {
        get => _certificates;
        set => _certificates = value.Count > 0 && value.DistinctBy(certificate => certificate.Spec.Key).Count() == value.Count
            ? value
            : throw new ArgumentException("A server has one certificate for each kind of key, and at least one.", nameof(value));
    }

    /// <summary>Its script.</summary>
    public SmtpScript Script
    {
        get => _script;
        set => _script = value;
    }

    /// <summary>Whether a client can connect.</summary>
    public bool IsListening => _listener.IsListening;

    /// <summary>The mail that it accepted, oldest first; after 1,000 it accepts no more.</summary>
    public IReadOnlyList<ReceivedMail> Mails
    {
        get
        {
            lock (_gate)
            {
                return [.. _mails];
            }
        }
    }

    /// <summary>
    /// The last 1,000 lines of clients: command lines as received, <c>SNI name</c> for a client hello,
    /// <c>TLS version</c> for a handshake that succeeded.
    /// </summary>
    public IReadOnlyList<string> Received
    {
        get
        {
            lock (_gate)
            {
                return [.. _received];
            }
        }
    }

    /// <summary>Listens; does nothing when it already does.</summary>
    /// <exception cref="InvalidOperationException">The address is not this machine's, or its port is taken.</exception>
    public void Start() => _listener.Start();

    /// <summary>Stops listening and closes every session; a client is refused at once.</summary>
    public void Stop() => _listener.Stop();

    /// <summary>Stops, and waits for the last session to end.</summary>
    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    internal bool Take(string from, IReadOnlyList<string> recipients, ReadOnlyMemory<byte> message, SslProtocols tls)
    {
        lock (_gate)
        {
            if (_mails.Count == MaxMails)
            {
                return false;
            }

            _mails.Add(new ReceivedMail(from, recipients, message, tls, _time.GetUtcNow()));
            return true;
        }
    }

    internal void Receive(string said)
    {
        lock (_gate)
        {
            if (_received.Count == MaxReceived)
            {
                _received.Dequeue();
            }

            _received.Enqueue(said);
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(SessionLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, limit.Token);
        await using var session = new SmtpSession(this, client, either.Token);
        await session.RunAsync();
    }
}
