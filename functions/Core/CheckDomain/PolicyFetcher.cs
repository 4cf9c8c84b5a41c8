using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain;

/// <summary>Fetches a domain's policy as a sending mail server does (RFC 8461 §3.3).</summary>
internal sealed class PolicyFetcher(OutgoingHttp http, CheckOptions options, TimeProvider time)
{
    /// <summary>Where a domain's policy is fetched from.</summary>
    public static Uri UrlOf(DomainName domain) => new($"https://mta-sts.{domain}/.well-known/mta-sts.txt");

    /// <summary>Looks once. Whatever the policy host does, the answer is a fetch, within the settings' time.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<PolicyFetch> FetchAsync(DomainName domain, CancellationToken cancellation)
    {
        var (peer, began) = (new OutgoingPeer(), time.GetTimestamp());
        var fetch = await FetchAsync(UrlOf(domain), peer, cancellation);
        return fetch with { Address = peer.Address?.ToString(), Tls = TlsOf(peer), Milliseconds = (int)time.GetElapsedTime(began).TotalMilliseconds };
    }

    private async Task<PolicyFetch> FetchAsync(Uri url, OutgoingPeer peer, CancellationToken cancellation)
    {
        using var client = http.CreateClient(peer);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
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
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
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
            // What came made the HTTP client throw what it should not: no sender gets a policy of this either.
            return new PolicyFetch(url, PolicyFetchOutcome.BrokenOff, Detail: FailureIsolation.Describe(e));
        }
    }

    private static TlsSession? TlsOf(OutgoingPeer peer) => peer.Certificates is { } shown
        ? new TlsSession(
            peer.Protocol is SslProtocols.None ? "" : peer.Protocol.ToString(), peer.Protocol is SslProtocols.None ? "" : peer.CipherSuite.ToString(),
            shown.Sent, shown.Built, shown.Faults, shown.CountIfCut)
        : null;

    private static PolicyFetchOutcome OutcomeOf(Exception e, Exception cause) => cause switch
    {
        AddressNotAllowedException => PolicyFetchOutcome.AddressNotAllowed,
        HostNotReachedException => PolicyFetchOutcome.NotReached,
        _ when e is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => PolicyFetchOutcome.TlsFailed,
        _ => PolicyFetchOutcome.BrokenOff,
    };

    // As it came: what a sender makes of an odd header is for the rules to say.
    private static string? Header(System.Net.Http.Headers.HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
}
