using System.Net;
using DnsClient;
using DnsClient.Protocol;

namespace StsFunctions.Outgoing;

/// <summary>The resolver by which everything outside is found: the system's, or the one that is set. It remembers nothing.</summary>
internal sealed class Resolver
{
    // What fits into it is never fragmented on the way; a longer answer comes over TCP (RFC 9715 §3.1).
    private const int UdpSize = 1232;

    // One message over TCP has no more (RFC 1035 §4.2.2); the library joins as many as a resolver sends.
    private const int MaxAnswer = ushort.MaxValue;

    private readonly Func<string, QueryType, CancellationToken, Task<IDnsQueryResponse>> _query;

    public Resolver(EgressOptions egress)
    {
        var options = egress.DnsServer is { } server ? new LookupClientOptions(server) : new LookupClientOptions();
        options.UseCache = false;
        options.ThrowDnsErrors = false;
        options.UseTcpFallback = true;
        options.Timeout = TimeSpan.FromSeconds(5);
        options.Retries = 1;
        options.ExtendedDnsBufferSize = UdpSize;
        // A resolver says whether it validated only to who asks for it (RFC 6840 §5.8).
        options.RequestDnsSecRecords = egress.DnsValidates;
        Validates = egress.DnsValidates;
        var client = new LookupClient(options);
        _query = (name, type, cancellationToken) => client.QueryAsync(name, type, cancellationToken: cancellationToken);
    }

    /// <summary>A resolver whose responses do not come over the network.</summary>
    /// <param name="query">Returns the response to a question; what it throws is treated as the DNS library's failure.</param>
    /// <param name="validates">Whether the AD bit of the responses may be trusted.</param>
    internal Resolver(Func<string, QueryType, CancellationToken, Task<IDnsQueryResponse>> query, bool validates) => (_query, Validates) = (query, validates);

    /// <summary>Whether its AD bit may be trusted (RFC 4035 §4.9.3).</summary>
    public bool Validates { get; }

    /// <summary>Asks one question. A negative answer is an answer.</summary>
    /// <exception cref="DnsLookupException">No answer came, or none that can be read.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<IDnsQueryResponse> AskAsync(string name, QueryType type, CancellationToken cancellation)
    {
        try
        {
            var answer = await _query(name, type, cancellation).WaitAsync(cancellation);
            // A question that was given up may end as one that nobody answered.
            cancellation.ThrowIfCancellationRequested();
            return answer.MessageSize <= MaxAnswer ? answer : throw new DnsLookupException($"the answer has more than {MaxAnswer} bytes");
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            throw DnsLookupException.Of(e);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new OperationCanceledException("The question was given up.", e, cancellation);
        }
    }

    /// <summary>Whether an exception says that a question could not be answered, or not even be put.</summary>
    public static bool IsFailure(Exception exception) => exception is DnsLookupException;

    /// <summary>The addresses of a host, IPv4 first; empty where it has none.</summary>
    /// <exception cref="HostNotReachedException">DNS told none, and did not say either that there are none.</exception>
    public async Task<IReadOnlyList<IPAddress>> AddressesAsync(string host, CancellationToken cancellation)
    {
        var answers = await Task.WhenAll(AddressesAsync(host, QueryType.A, cancellation), AddressesAsync(host, QueryType.AAAA, cancellation));
        var addresses = answers.SelectMany(answer => answer.Addresses).Distinct().ToList();
        return addresses is [] && answers.Select(answer => answer.Fault).FirstOrDefault(fault => fault is not null) is { } fault
            ? throw new HostNotReachedException($"DNS does not tell the addresses of {host}: {fault}")
            : addresses;
    }

    private async Task<(IEnumerable<IPAddress> Addresses, string? Fault)> AddressesAsync(string host, QueryType type, CancellationToken cancellation)
    {
        try
        {
            var answer = await AskAsync(host, type, cancellation);
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
