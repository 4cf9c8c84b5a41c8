using DnsClient;
using DnsClient.Protocol;
using StsFunctions.Core.Observations;
using StsFunctions.Network.Egress;

namespace StsFunctions.Network.Probes;

/// <summary>Queries DNS and distinguishes each kind of answer and failure.</summary>
internal sealed class DnsObserver(DnsResolver resolver)
{
    // Hostile zones are large: limit the work to what a sender would do.
    private const int MaxRecords = 64;
    private const int MaxText = 32 * 1024;
    private const int MaxAliases = 16;
    private const int MaxCaaSteps = 16;

    // RFC 9989 §4.10: a walk that starts below eight labels continues at seven.
    private const int DmarcLabels = 7;

    /// <summary>The MX records as <c>preference host</c>, the host without its trailing dot; the null MX's host is <c>.</c> (RFC 7505).</summary>
    public Task<DnsAnswer> MxAsync(string name, CancellationToken cancellationToken) =>
        AskAsync(name, QueryType.MX, record => record is MxRecord mx ? $"{mx.Preference} {Undotted(mx.Exchange.Value)}" : null, cancellationToken);

    /// <summary>The IPv4 addresses.</summary>
    public Task<DnsAnswer> AAsync(string name, CancellationToken cancellationToken) =>
        AskAsync(name, QueryType.A, record => (record as ARecord)?.Address.ToString(), cancellationToken);

    /// <summary>The IPv6 addresses.</summary>
    public Task<DnsAnswer> AaaaAsync(string name, CancellationToken cancellationToken) =>
        AskAsync(name, QueryType.AAAA, record => (record as AaaaRecord)?.Address.ToString(), cancellationToken);

    /// <summary>The TXT records; the character-strings of one record are joined with nothing between them (RFC 8461 §3.1, TXT-5).</summary>
    public Task<DnsAnswer> TxtAsync(string name, CancellationToken cancellationToken) =>
        AskAsync(name, QueryType.TXT, record => record is TxtRecord txt ? string.Concat(txt.Text) : null, cancellationToken);

    /// <summary>
    /// The TLSA records as <c>usage selector matching hex</c>. They are queried only if the resolver is set as validating: without
    /// DNSSEC they mean nothing (RFC 7672 §2.2).
    /// </summary>
    public Task<DnsAnswer> TlsaAsync(string name, CancellationToken cancellationToken) => !resolver.Validates
        ? Task.FromResult(DnsAnswer.NotAsked(name))
        : AskAsync(
            name,
            QueryType.TLSA,
            record => record is TlsaRecord tlsa
                ? $"{(int)tlsa.CertificateUsage} {(int)tlsa.Selector} {(int)tlsa.MatchingType} {Convert.ToHexStringLower([.. tlsa.CertificateAssociationData])}"
                : null,
            cancellationToken);

    /// <summary>The CAA records in effect for a name, as <c>flags tag value</c>: its own, or those of the nearest parent with any (RFC 8659 §3).</summary>
    public async Task<DnsAnswer> CaaAsync(string name, CancellationToken cancellationToken)
    {
        bool? authentic = resolver.Validates ? true : null;
        var at = name;
        for (var step = 1; ; step++)
        {
            var answer = await AskAsync(at, QueryType.CAA, record => record is CaaRecord caa ? $"{caa.Flags} {caa.Tag} {caa.Value}" : null, cancellationToken);
            authentic &= answer.Authentic;
            if (answer.Outcome is not (DnsOutcome.Empty or DnsOutcome.NxDomain))
            {
                return answer with { Authentic = authentic };
            }

            if (step == MaxCaaSteps || ParentOf(at) is not { } parent)
            {
                return new DnsAnswer(name, DnsOutcome.Empty, [], Authentic: authentic);
            }

            at = parent;
        }
    }

    /// <summary>The TXT records with a domain's DMARC policy: its own, or the nearest parent's, by the walk of RFC 9989 §4.10. If there is none, the domain's own answer.</summary>
    public async Task<DnsAnswer> DmarcAsync(string domain, CancellationToken cancellationToken)
    {
        var own = await TxtAsync($"_dmarc.{domain}", cancellationToken);
        var answer = own;
        for (var at = domain; answer.IsKnown && !answer.Records.Any(IsDmarc);)
        {
            var labels = at.Split('.');
            if (labels.Length == 1)
            {
                return own;
            }

            at = string.Join('.', labels[Math.Max(1, labels.Length - DmarcLabels)..]);
            answer = await TxtAsync($"_dmarc.{at}", cancellationToken);
        }

        return answer;
    }

    // The version must be the first tag, with this exact spelling (RFC 9989 §4.8).
    private static bool IsDmarc(string record) => record.Split(';', 2)[0].TrimEnd() == "v=DMARC1";

    private static string? ParentOf(string name) => name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && dot + 1 < name.Length ? name[(dot + 1)..] : null;

    private async Task<DnsAnswer> AskAsync(string name, QueryType type, Func<DnsResourceRecord, string?> read, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await resolver.AskAsync(name, type, cancellationToken);
            bool? authentic = resolver.Validates ? answer.Header.IsAuthenticData : null;
            var chain = ChainOf(answer);
            string[] aliases = [.. chain.Select(cname => Undotted(cname.CanonicalName.Value).ToLowerInvariant())];
            if (answer.Header.ResponseCode == DnsHeaderResponseCode.NotExistentDomain)
            {
                return new DnsAnswer(name, DnsOutcome.NxDomain, [], aliases, TtlOf(chain), Authentic: authentic);
            }

            if (answer.HasError)
            {
                return new DnsAnswer(name, DnsOutcome.Failed, [], aliases, Detail: answer.ErrorMessage, Authentic: authentic);
            }

            var found = answer.Answers.Select(record => (Record: record, Text: read(record))).Where(pair => pair.Text is not null).ToList();
            var stored = WithinBounds(found.Select(pair => pair.Text!));
            return new DnsAnswer(
                name,
                found is [] ? DnsOutcome.Empty : DnsOutcome.Found,
                stored,
                aliases,
                TtlOf([.. chain, .. found.Select(pair => pair.Record)]),
                stored.Count == found.Count ? null : $"{stored.Count} of {found.Count} records are stored",
                authentic);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // This includes exceptions from reading a record: they concern this query alone.
            var failure = DnsFailures.ToLookupException(e);
            return new DnsAnswer(name, failure.IsTimeout ? DnsOutcome.TimedOut : DnsOutcome.Failed, [], Detail: failure.Message);
        }
    }

    // The resolver has followed the aliases; senders do not follow what it did not.
    private static List<CNameRecord> ChainOf(IDnsQueryResponse answer)
    {
        var cnames = answer.Answers.OfType<CNameRecord>().ToList();
        var chain = new List<CNameRecord>();
        for (var at = answer.Questions is [var question, ..] ? question.QueryName.Value : null; at is not null && chain.Count < MaxAliases;)
        {
            var next = cnames.Find(cname => cname.DomainName.Value.Equals(at, StringComparison.OrdinalIgnoreCase) && !chain.Contains(cname));
            if (next is not null)
            {
                chain.Add(next);
            }

            at = next?.CanonicalName.Value;
        }

        return chain;
    }

    private static int TtlOf(IReadOnlyList<DnsResourceRecord> records) => records is [] ? 0 : Math.Max(0, records.Min(record => record.InitialTimeToLive));

    // Take whole records only: half of a record would be another one.
    private static List<string> WithinBounds(IEnumerable<string> records)
    {
        var stored = new List<string>();
        var left = MaxText;
        foreach (var record in records.Where(record => record.Length <= MaxText))
        {
            if (stored.Count == MaxRecords || record.Length > left)
            {
                break;
            }

            stored.Add(record);
            left -= record.Length;
        }

        return stored;
    }

    private static string Undotted(string name) => name.Length > 1 ? name.TrimEnd('.') : name;
}
