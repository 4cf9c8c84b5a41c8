using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using StsFunctions.Core.Observations;
using StsFunctions.Network.Egress;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Network.Probes;

/// <summary>Fetches a domain's policy as a sending mail server does (RFC 8461 §3.3).</summary>
internal sealed class PolicyFetcher(EgressHttp http, CheckOptions options, TimeProvider time)
{
    /// <summary>The URL of a domain's policy.</summary>
    public static Uri UrlOf(DomainName domain) => new($"https://mta-sts.{domain}/.well-known/mta-sts.txt");

    /// <summary>Fetches once. Any behaviour of the policy host gives a result within the time limit of the settings.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<PolicyFetch> FetchAsync(DomainName domain, CancellationToken cancellationToken)
    {
        var (peer, began) = (new TlsPeerInfo(), time.GetTimestamp());
        var fetch = await FetchAsync(UrlOf(domain), peer, cancellationToken);
        return fetch with { Address = peer.Address?.ToString(), Tls = TlsOf(peer), Milliseconds = (int)time.GetElapsedTime(began).TotalMilliseconds };
    }

    private async Task<PolicyFetch> FetchAsync(Uri url, TlsPeerInfo peer, CancellationToken cancellationToken)
    {
        using var client = http.CreateClient(peer);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.PolicyTimeout);
        try
        {
            using var answer = await client.GetAsync(url, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var fetch = new PolicyFetch(
                url, PolicyFetchOutcome.OtherStatus, (int)answer.StatusCode, Header(answer.Content.Headers, "Content-Type"), Header(answer.Headers, "Location"));
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                return fetch;
            }

            await using var body = await answer.Content.ReadAsStreamAsync(limit.Token);
            var bytes = new byte[Policy.MaxBytes + 1];
            var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, limit.Token);
            return length <= Policy.MaxBytes
                ? fetch with { Outcome = PolicyFetchOutcome.Fetched, Body = bytes[..length] }
                : fetch with { Outcome = PolicyFetchOutcome.TooLarge, Detail = $"more than {Policy.MaxBytes} bytes" };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new PolicyFetch(url, PolicyFetchOutcome.TimedOut, Detail: $"no whole answer in {options.PolicyTimeout.TotalSeconds:0} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            var cause = e is HttpRequestException { InnerException: { } inner } ? inner : e;
            return new PolicyFetch(url, OutcomeOf(e, cause), Detail: cause is CryptographicException ? ServerCertificates.NoChain : cause.Message);
        }
        catch (Exception e) when (FailureIsolation.ConcernsItem(e))
        {
            // The response made the HTTP client throw an unexpected exception: no sender gets a policy from it either.
            return new PolicyFetch(url, PolicyFetchOutcome.ConnectionDropped, Detail: FailureIsolation.Describe(e));
        }
    }

    private static TlsSession? TlsOf(TlsPeerInfo peer) => peer.Certificates is { } certificates
        ? new TlsSession(
            peer.Protocol is SslProtocols.None ? "" : peer.Protocol.ToString(), peer.Protocol is SslProtocols.None ? "" : peer.CipherSuite.ToString(),
            certificates.Sent, certificates.Built, certificates.Faults, certificates.CountIfCut)
        : null;

    private static PolicyFetchOutcome OutcomeOf(Exception e, Exception cause) => cause switch
    {
        AddressNotAllowedException => PolicyFetchOutcome.AddressNotAllowed,
        HostNotReachedException => PolicyFetchOutcome.NotReached,
        _ when e is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => PolicyFetchOutcome.TlsFailed,
        _ => PolicyFetchOutcome.ConnectionDropped,
    };

    // Keep the header unchanged: the rules evaluate how senders treat an unusual one.
    private static string? Header(System.Net.Http.Headers.HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}
