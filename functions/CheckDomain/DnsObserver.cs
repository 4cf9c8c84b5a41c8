using DnsClient;
using DnsClient.Protocol;
using StsFunctions.Outgoing;

namespace StsFunctions.CheckDomain;

/// <summary>Asks DNS, and keeps each answer and each kind of failure apart.</summary>
internal sealed class DnsObserver(Resolver resolver)
{
    // Hostile zones are large: what a sender would never walk through, we do not either.
    private const int MaxRecords = 64;

    /// <summary>MX records as <c>preference host</c>, the host without its trailing dot; the null MX's host is <c>.</c> (RFC 7505).</summary>
    public Task<DnsAnswer> MxAsync(string name, CancellationToken cancellation) =>
        AskAsync(name, QueryType.MX, record => record is MxRecord mx ? $"{mx.Preference} {Undotted(mx.Exchange.Value)}" : null, cancellation);

    /// <summary>IPv4 addresses.</summary>
    public Task<DnsAnswer> AAsync(string name, CancellationToken cancellation) =>
        AskAsync(name, QueryType.A, record => (record as ARecord)?.Address.ToString(), cancellation);

    /// <summary>IPv6 addresses.</summary>
    public Task<DnsAnswer> AaaaAsync(string name, CancellationToken cancellation) =>
        AskAsync(name, QueryType.AAAA, record => (record as AaaaRecord)?.Address.ToString(), cancellation);

    /// <summary>TXT records; the character-strings of one record are joined with nothing between them (RFC 8461 §3.1, TXT-5).</summary>
    public Task<DnsAnswer> TxtAsync(string name, CancellationToken cancellation) =>
        AskAsync(name, QueryType.TXT, record => record is TxtRecord txt ? string.Concat(txt.Text) : null, cancellation);

    private async Task<DnsAnswer> AskAsync(string name, QueryType type, Func<DnsResourceRecord, string?> read, CancellationToken cancellation)
    {
        try
        {
            var answer = await resolver.AskAsync(name, type, cancellation);
            var cname = answer.Answers.OfType<CNameRecord>().FirstOrDefault(c => Undotted(c.DomainName.Value).Equals(name, StringComparison.OrdinalIgnoreCase));
            string[] aliases = cname is null ? [] : [Undotted(cname.CanonicalName.Value)];
            if (answer.Header.ResponseCode == DnsHeaderResponseCode.NotExistentDomain)
            {
                return new DnsAnswer(name, DnsOutcome.NxDomain, [], aliases);
            }

            if (answer.HasError)
            {
                return new DnsAnswer(name, DnsOutcome.Failed, [], aliases, Detail: answer.ErrorMessage);
            }

            var found = answer.Answers.Where(record => read(record) is not null).Take(MaxRecords).ToList();
            return found is []
                ? new DnsAnswer(name, DnsOutcome.Empty, [], aliases)
                : new DnsAnswer(name, DnsOutcome.Found, [.. found.Select(record => read(record)!)], aliases, found.Min(record => record.TimeToLive));
        }
        catch (DnsResponseException e) when (e.Code == DnsResponseCode.ConnectionTimeout)
        {
            return new DnsAnswer(name, DnsOutcome.TimedOut, [], Detail: e.Message);
        }
        catch (Exception e) when (Resolver.IsFailure(e))
        {
            return new DnsAnswer(name, DnsOutcome.Failed, [], Detail: e.Message);
        }
    }

    private static string Undotted(string name) => name.Length > 1 ? name.TrimEnd('.') : name;
}
