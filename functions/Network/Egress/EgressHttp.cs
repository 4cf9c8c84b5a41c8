using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Network.Egress;

/// <summary>A host could not be reached: it has no address, or none of its addresses answers.</summary>
internal sealed class HostNotReachedException(string message) : IOException(message);

/// <summary>HTTPS to hosts with names from other parties, through the guard.</summary>
internal sealed class EgressHttp(EgressGuard guard, DnsResolver resolver, EgressOptions options, TimeProvider time)
{
    /// <summary>The time limit of a response including its body, unless the caller sets another. Senders wait a minute for a policy (RFC 8461 §3.3).</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(1);

    /// <summary>The longest body that is read at once, unless the caller sets another limit.</summary>
    public const int DefaultMaxBody = 64 * 1024;

    // One dead address leaves time for the next, and all of them leave time for the response.
    private static readonly TimeSpan AddressTimeout = TimeSpan.FromSeconds(5);
    private const int MaxAddressesOfAFamily = 3;

    private const int HttpsPort = 443;
    private const int MaxHeadersKibibytes = 16;

    /// <summary>Creates a client that sends nothing of the app in its requests. It follows no redirect and has no cache: each request resolves, checks and connects again.</summary>
    /// <param name="peer">Receives the details of the server.</param>
#pragma warning disable RS0030 // The one client of hosts that outsiders name, made through the guard.
    public HttpClient CreateClient(TlsPeerInfo? peer = null) => new(CreateHandler(peer), disposeHandler: true)
#pragma warning restore RS0030
    {
        Timeout = DefaultTimeout,
        MaxResponseContentBufferSize = DefaultMaxBody,
    };

    private SocketsHttpHandler CreateHandler(TlsPeerInfo? peer) => new()
    {
        ConnectCallback = (context, cancellationToken) => ConnectAsync(context, peer, cancellationToken),
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        Credentials = null,
        PreAuthenticate = false,
        ActivityHeadersPropagator = null,
        AutomaticDecompression = DecompressionMethods.None,
        MaxResponseHeadersLength = MaxHeadersKibibytes,
        MaxResponseDrainSize = 0,
        PooledConnectionLifetime = TimeSpan.Zero,
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            AllowTlsResume = false,
            CertificateChainPolicy = guard.Trust(),
            RemoteCertificateValidationCallback = (stream, certificate, chain, errors) =>
            {
                Note(peer, (SslStream)stream, certificate, chain);
                return IsFor(((SslStream)stream).TargetHostName, certificate, chain, errors);
            },
        },
    };

    // The checked name is also the one in the Host header and SNI: the URL's.
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, TlsPeerInfo? peer, CancellationToken cancellationToken)
    {
        if (context.InitialRequestMessage.RequestUri!.Scheme != Uri.UriSchemeHttps)
        {
            throw new HostNotReachedException("The URL is not https, so it is not requested.");
        }

        var port = context.DnsEndPoint.Port == HttpsPort ? options.HttpsPort : context.DnsEndPoint.Port;
        var socket = await ConnectAsync(context.DnsEndPoint.Host, port, cancellationToken);
        if (peer is not null)
        {
            peer.Address = (socket.RemoteEndPoint as IPEndPoint)?.Address;
        }

        return new NetworkStream(socket, ownsSocket: true);
    }

    private async Task<Socket> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await resolver.AddressesAsync(host, cancellationToken);
        if (addresses is [])
        {
            throw new HostNotReachedException($"{host} has no address.");
        }

        var allowed = addresses.Where(guard.IsAllowed).GroupBy(address => address.AddressFamily).SelectMany(family => family.Take(MaxAddressesOfAFamily)).ToList();
        if (allowed is [])
        {
            throw new AddressNotAllowedException(host, addresses);
        }

        var failures = new List<string>();
        foreach (var address in allowed)
        {
            using var patience = new CancellationTokenSource(AddressTimeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
            try
            {
                return await guard.ConnectAsync(address, port, either.Token);
            }
            catch (SocketException e)
            {
                failures.Add($"{address}: {e.Message}");
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                failures.Add($"{address}: no answer in {AddressTimeout.TotalSeconds:0} s");
            }
        }

        throw new HostNotReachedException($"{host} is not reached at port {port}: {string.Join("; ", failures)}.");
    }

    private static void Note(TlsPeerInfo? peer, SslStream stream, X509Certificate? certificate, X509Chain? chain)
    {
        if (peer is not null && certificate is not null && chain is not null)
        {
            (peer.Certificates, peer.Protocol, peer.CipherSuite) = (ServerCertificates.Of(certificate, chain), stream.SslProtocol, stream.NegotiatedCipherSuite);
        }
    }

    // These checks give a reason, since SslStream only says that the validation callback failed.
    private static bool IsFor(string host, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 leaf)
        {
            throw new AuthenticationException("The server shows no certificate.");
        }

        // SslStream accepts a common name if there is no DNS-ID; strict senders do not (RFC 9525 §6.3, RFC 8461 §3.3).
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) || !leaf.MatchesHostname(host, allowWildcards: true, allowCommonName: false))
        {
            throw new AuthenticationException($"The certificate does not name {host} among its alternative names (its common name does not count).");
        }

        return errors == SslPolicyErrors.None
            ? true
            : throw new AuthenticationException($"The certificate is not valid: {string.Join(", ", chain!.ChainStatus.Select(status => status.Status).Distinct())}.");
    }
}
