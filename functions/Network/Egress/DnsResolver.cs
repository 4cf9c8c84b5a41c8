using System.Net;
using DnsClient;
using DnsClient.Protocol;
using StsFunctions.Core.Observations;

namespace StsFunctions.Network.Egress;

/// <summary>The resolver for all names of other parties: the system's, or the configured one. It has no cache.</summary>
internal sealed class DnsResolver : ITxtLookup
{
    // An answer of this size is never fragmented; a longer one is sent over TCP (RFC 9715 §3.1).
    private const int UdpSize = 1232;

    // One message over TCP is not longer (RFC 1035 §4.2.2); the library joins as many as a resolver sends.
    private const int MaxAnswer = ushort.MaxValue;

    private readonly Func<string, QueryType, CancellationToken, Task<IDnsQueryResponse>> _query;

    public DnsResolver(EgressOptions egress)
    {
        var options = egress.DnsServer is { } server ? new LookupClientOptions(server) : new LookupClientOptions();
        options.UseCache = false;
        options.ThrowDnsErrors = false;
        options.UseTcpFallback = true;
        options.Timeout = TimeSpan.FromSeconds(5);
        options.Retries = 1;
        options.ExtendedDnsBufferSize = UdpSize;
        // A resolver reports validation only to clients that ask for it (RFC 6840 §5.8).
        options.RequestDnsSecRecords = egress.DnsValidates;
        Validates = egress.DnsValidates;
        var client = new LookupClient(options);
        _query = (name, type, cancellationToken) => client.QueryAsync(name, type, cancellationToken: cancellationToken);
    }

    /// <summary>Creates a resolver with responses that do not come from the network.</summary>
    /// <param name="query">Returns the response to a query; its exceptions are treated as failures of the DNS library.</param>
    /// <param name="validates">Whether the AD bit of the responses may be trusted.</param>
    internal DnsResolver(Func<string, QueryType, CancellationToken, Task<IDnsQueryResponse>> query, bool validates) => (_query, Validates) = (query, validates);

    /// <summary>Whether the AD bit may be trusted (RFC 4035 §4.9.3).</summary>
    public bool Validates { get; }

    /// <summary>Sends one query. A negative answer is an answer.</summary>
    /// <exception cref="DnsLookupException">There is no answer, or it cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<IDnsQueryResponse> AskAsync(string name, QueryType type, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await _query(name, type, cancellationToken).WaitAsync(cancellationToken);
            // A cancelled query may end as an unanswered one.
            cancellationToken.ThrowIfCancellationRequested();
            return answer.MessageSize <= MaxAnswer ? answer : throw new DnsLookupException($"the answer has more than {MaxAnswer} bytes");
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw DnsFailures.ToLookupException(e);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new OperationCanceledException("The question was given up.", e, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> TextsAsync(string name, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(name, QueryType.TXT, cancellationToken);
        return answer.Header.ResponseCode switch
        {
            DnsHeaderResponseCode.NoError => [.. answer.Answers.OfType<TxtRecord>().Select(record => string.Concat(record.Text))],
            DnsHeaderResponseCode.NotExistentDomain => [],
            _ => throw new DnsLookupException(answer.ErrorMessage),
        };
    }

    /// <summary>Whether an exception means that a query failed or could not be sent.</summary>
    public static bool IsFailure(Exception exception) => exception is DnsLookupException;

    /// <summary>Looks up the addresses of a host, IPv4 first; empty if it has none.</summary>
    /// <exception cref="HostNotReachedException">DNS returned neither addresses nor a negative answer.</exception>
    public async Task<IReadOnlyList<IPAddress>> AddressesAsync(string host, CancellationToken cancellationToken)
    {
        var answers = await Task.WhenAll(AddressesAsync(host, QueryType.A, cancellationToken), AddressesAsync(host, QueryType.AAAA, cancellationToken));
        var addresses = answers.SelectMany(answer => answer.Addresses).Distinct().ToList();
        return addresses is [] && answers.Select(answer => answer.Fault).FirstOrDefault(fault => fault is not null) is { } fault
            ? throw new HostNotReachedException($"DNS does not answer for the addresses of {host}: {fault}")
            : addresses;
    }

    private async Task<(IEnumerable<IPAddress> Addresses, string? Fault)> AddressesAsync(string host, QueryType type, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await AskAsync(host, type, cancellationToken);
            var isThere = answer.Header.ResponseCode == DnsHeaderResponseCode.NoError;
            var isNot = answer.Header.ResponseCode == DnsHeaderResponseCode.NotExistentDomain;
            return (isThere ? answer.Answers.OfType<AddressRecord>().Select(record => record.Address) : [], isThere || isNot ? null : answer.ErrorMessage);
        }
        catch (Exception e) when (IsFailure(e))
        {
            return ([], e.Message);
        }
    }
}
