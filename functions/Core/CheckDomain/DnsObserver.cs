using DnsClient;
using DnsClient.Protocol;
using StsFunctions.Outgoing;

namespace StsFunctions.CheckDomain;

/// <summary>Asks DNS, and keeps each answer and each kind of failure apart.</summary>
internal sealed class DnsObserver(Resolver resolver)
{
    // Hostile zones are large: what a sender would never walk through, we do not either.
    private const int MaxRecords = 64;
    private const int MaxText = 32 * 1024;
    private const int MaxAliases = 16;
    private const int MaxCaaSteps = 16;

    // RFC 9989 §4.10: a walk that begins further down than eight labels goes on at seven.
    private const int DmarcLabels = 7;

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

    /// <summary>
    /// TLSA records as <c>usage selector matching hex</c>. Not asked where the resolver is not set as one that validates: without
    /// DNSSEC they say nothing (RFC 7672 §2.2).
    /// </summary>
    public Task<DnsAnswer> TlsaAsync(string name, CancellationToken cancellation) => !resolver.Validates
        ? Task.FromResult(DnsAnswer.NotAsked(name))
        : AskAsync(
            name,
            QueryType.TLSA,
            record => record is TlsaRecord tlsa
                ? $"{(int)tlsa.CertificateUsage} {(int)tlsa.Selector} {(int)tlsa.MatchingType} {Convert.ToHexStringLower([.. tlsa.CertificateAssociationData])}"
                : null,
            cancellation);

    /// <summary>The CAA records that hold for a name, as <c>flags tag value</c>: its own, or those of the nearest parent that has any (RFC 8659 §3).</summary>
    public async Task<DnsAnswer> CaaAsync(string name, CancellationToken cancellation)
    {
        bool? authentic = resolver.Validates ? true : null;
        var at = name;
        for (var step = 1; ; step++)
        {
            var answer = await AskAsync(at, QueryType.CAA, record => record is CaaRecord caa ? $"{caa.Flags} {caa.Tag} {caa.Value}" : null, cancellation);
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

    /// <summary>The TXT records that hold a domain's DMARC policy: its own, or the nearest parent's, by the walk of RFC 9989 §4.10. Where none does, the domain's own answer.</summary>
    public async Task<DnsAnswer> DmarcAsync(string domain, CancellationToken cancellation)
    {
        var own = await TxtAsync($"_dmarc.{domain}", cancellation);
        var answer = own;
        for (var at = domain; answer.IsKnown && !answer.Records.Any(IsDmarc);)
        {
            var labels = at.Split('.');
            if (labels.Length == 1)
            {
                return own;
            }

            at = string.Join('.', labels[Math.Max(1, labels.Length - DmarcLabels)..]);
            answer = await TxtAsync($"_dmarc.{at}", cancellation);
        }

        return answer;
    }

    // The version must be the first tag, and is spelt one way (RFC 9989 §4.8).
    private static bool IsDmarc(string record) => record.Split(';', 2)[0].TrimEnd() == "v=DMARC1";

    private static string? ParentOf(string name) => name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && dot + 1 < name.Length ? name[(dot + 1)..] : null;

    private async Task<DnsAnswer> AskAsync(string name, QueryType type, Func<DnsResourceRecord, string?> read, CancellationToken cancellation)
    {
        try
        {
            var answer = await resolver.AskAsync(name, type, cancellation);
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
            var kept = WithinBounds(found.Select(pair => pair.Text!));
            return new DnsAnswer(
                name,
                found is [] ? DnsOutcome.Empty : DnsOutcome.Found,
                kept,
                aliases,
                TtlOf([.. chain, .. found.Select(pair => pair.Record)]),
                kept.Count == found.Count ? null : $"{kept.Count} of {found.Count} records are kept",
                authentic);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            // Also what the reading of a record throws: it is this question's failure alone.
            var failure = DnsLookupException.Of(e);
            return new DnsAnswer(name, failure.IsTimeout ? DnsOutcome.TimedOut : DnsOutcome.Failed, [], Detail: failure.Message);
        }
    }

    // The resolver has followed them; what it did not follow, nobody does.
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

    // Whole records or none: half of one would be another.
    private static List<string> WithinBounds(IEnumerable<string> records)
    {
        var kept = new List<string>();
        var left = MaxText;
        foreach (var record in records.Where(record => record.Length <= MaxText))
        {
            if (kept.Count == MaxRecords || record.Length > left)
            {
                break;
            }

            kept.Add(record);
            left -= record.Length;
        }

        return kept;
    }

    private static string Undotted(string name) => name.Length > 1 ? name.TrimEnd('.') : name;
}
