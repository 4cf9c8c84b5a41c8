using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace StsFunctions.Local.Lab;

/// <summary>
/// A policy host of the lab, on its own address and the shared HTTPS port. Its script and certificate
/// can be changed while it runs, and it can be stopped and started again: the next request gets the change.
/// </summary>
public sealed class PolicyHost : ILabServer, IAsyncDisposable
{
    /// <summary>Where the policy is (RFC 8461 §3.3).</summary>
    public const string WellKnownPath = "/.well-known/mta-sts.txt";

    private const int MaxReceived = 1_000;
    private static readonly TimeSpan RequestLimit = TimeSpan.FromMinutes(5);
    private static readonly byte[] Padding = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"padding: {new string('x', 53)}\r\n", 1024)));

    private readonly Func<string, string?> _policyAt;
    private readonly Func<string> _elsewhere;
    private readonly TimeProvider _time;
    private readonly LoopbackListener _listener;
    private readonly Lock _gate = new();
    private readonly Queue<PolicyRequest> _requests = [];
    private readonly Queue<string> _hellos = [];
    private volatile PolicyScript _script = PolicyScript.Good;
    private volatile IssuedCertificate _certificate;

    internal PolicyHost(
        string hostName, IPEndPoint endPoint, IssuedCertificate certificate, PolicyHttpServer web, Func<string, string?> policyAt, Func<string> elsewhere, TimeProvider time)
    {
        (HostName, _certificate, _policyAt, _elsewhere, _time) = (hostName, certificate, policyAt, elsewhere, time);
        _listener = new LoopbackListener(endPoint, (client, stop) => web.ServeAsync(this, client, stop));
    }

    /// <summary>Its name: <c>mta-sts</c> and the policy domain.</summary>
    public string HostName { get; }

    /// <summary>Where it listens, when it does.</summary>
    public IPEndPoint EndPoint => _listener.EndPoint;

    /// <summary>What it shows in TLS.</summary>
    public IssuedCertificate Certificate
    {
        get => _certificate;
        set => _certificate = value;
    }

    IReadOnlyList<IssuedCertificate> ILabServer.Certificates
    {
        get => [_certificate];
        set => _certificate = value.Count == 1 ? value[0] : throw new InvalidOperationException("A policy host has one certificate: `keys HOST ecdsa` or `keys HOST rsa`.");
    }

    /// <summary>How it answers.</summary>
    public PolicyScript Script
    {
        get => _script;
        set => _script = value;
    }

    /// <summary>Whether a client can connect.</summary>
    public bool IsListening => _listener.IsListening;

    /// <summary>The last 1,000 requests, oldest first.</summary>
    public IReadOnlyList<PolicyRequest> Requests
    {
        get
        {
            lock (_gate)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>The names in the last 1,000 client hellos, oldest first and empty where there was none; of failed handshakes too.</summary>
    public IReadOnlyList<string> Hellos
    {
        get
        {
            lock (_gate)
            {
                return [.. _hellos];
            }
        }
    }

    /// <summary>Listens; does nothing when it already does.</summary>
    /// <exception cref="InvalidOperationException">The address is not this machine's, or its port is taken.</exception>
    public void Start() => _listener.Start();

    /// <summary>Stops listening and closes every request; a client is refused at once.</summary>
    public void Stop() => _listener.Stop();

    /// <summary>Stops, and waits for the last request to end.</summary>
    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    internal SslServerAuthenticationOptions ShakeHands(string serverName)
    {
        lock (_gate)
        {
            Record(_hellos, serverName);
        }

        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = _certificate.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            AllowTlsResume = false,
        };
    }

    internal async Task AnswerAsync(HttpContext context)
    {
        var script = _script;
        Receive(context);
        using var limit = new CancellationTokenSource(RequestLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, limit.Token);
        try
        {
            await AnswerAsync(script, context.Request, context.Response, either.Token);
        }
        catch (OperationCanceledException)
        {
            // The client hung up, the host stops, or five minutes are over.
            context.Abort();
        }
    }

    private static void Record<T>(Queue<T> queue, T item)
    {
        if (queue.Count == MaxReceived)
        {
            queue.Dequeue();
        }

        queue.Enqueue(item);
    }

    private void Receive(HttpContext context)
    {
        var request = context.Request;
        var tls = context.Features.GetRequiredFeature<ITlsHandshakeFeature>();
        lock (_gate)
        {
            Record(_requests, new PolicyRequest(
                _time.GetUtcNow(), tls.HostName, tls.Protocol, request.Method, request.Host.Value ?? "", request.Path + request.QueryString));
        }
    }

    private async Task AnswerAsync(PolicyScript script, HttpRequest request, HttpResponse response, CancellationToken cancellationToken)
    {
        if (_policyAt(request.Path) is not { } policy)
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        await Task.Delay(script.FirstByteAfter, _time, cancellationToken);
        response.StatusCode = script.Status;
        response.ContentType = script.MediaType;
        if (script.Status is >= 300 and < 400)
        {
            response.Headers.Location = script.Location ?? _elsewhere();
        }

        var body = script.BytesOf(policy);
        if (script.PaddedTo == 0)
        {
            response.ContentLength = body.Length;
        }

        if (HttpMethods.IsHead(request.Method) || script.Status is StatusCodes.Status204NoContent or StatusCodes.Status304NotModified)
        {
            return;
        }

        if (script.CutsOff)
        {
            // If there are fewer bytes than announced, Kestrel sends them and closes the connection.
            response.ContentLength = body.Length;
            await WriteAsync(response.Body, body[..(body.Length / 2)], script.BetweenBytes, cancellationToken);
            return;
        }

        await WriteAsync(response.Body, body, script.BetweenBytes, cancellationToken);
        for (var left = script.PaddedTo - body.Length; left > 0; left -= Padding.Length)
        {
            await response.Body.WriteAsync(Padding.AsMemory(0, (int)Math.Min(left, Padding.Length)), cancellationToken);
        }
    }

    private async Task WriteAsync(Stream to, byte[] body, TimeSpan betweenBytes, CancellationToken cancellationToken)
    {
        if (betweenBytes == TimeSpan.Zero)
        {
            await to.WriteAsync(body, cancellationToken);
            return;
        }

        for (var at = 0; at < body.Length; at++)
        {
            await Task.Delay(betweenBytes, _time, cancellationToken);
            await to.WriteAsync(body.AsMemory(at, 1), cancellationToken);
            await to.FlushAsync(cancellationToken);
        }
    }
}
