namespace StsFunctions.Core.Reports;

/// <summary>Sessions of one day under one policy type.</summary>
internal sealed record DayTotal(DateOnly Day, int Reports, long Sessions, long Failures);

/// <summary>What one sender reported.</summary>
/// <param name="Signer">The domain that signed, which identifies a sender; empty if none did: then its organization name identifies it.</param>
/// <param name="Organization">Its organization name in the last report.</param>
/// <param name="Reports">How many reports.</param>
/// <param name="Sessions">Successful sessions.</param>
/// <param name="Failures">Failed sessions.</param>
internal sealed record SenderTotal(string Signer, string Organization, int Reports, long Sessions, long Failures);

/// <summary>Sessions that failed for one reason.</summary>
internal sealed record ResultTypeTotal(string ResultType, long Failures);

/// <summary>Sessions that failed at one address of one MX host; either is empty if senders did not report it.</summary>
internal sealed record HostTotal(string MxHost, string Address, long Failures);

/// <summary>All that was reported under one policy type. Several types count the same sessions, so they are not summed.</summary>
/// <param name="PolicyType">The type.</param>
/// <param name="Sessions">Successful sessions.</param>
/// <param name="Failures">Failed sessions, by the senders' totals.</param>
/// <param name="OtherFailures">Failed sessions that the lists of reasons and hosts do not contain.</param>
/// <param name="Days">Day by day.</param>
/// <param name="ResultTypes">By reason, the most frequent first.</param>
/// <param name="Senders">By sender, the one with the most failures first, then the one with the most sessions.</param>
/// <param name="Hosts">By receiving host and address, the one with the most failures first.</param>
internal sealed record PolicyTypeTotal(
    string PolicyType,
    long Sessions,
    long Failures,
    long OtherFailures,
    IReadOnlyList<DayTotal> Days,
    IReadOnlyList<ResultTypeTotal> ResultTypes,
    IReadOnlyList<SenderTotal> Senders,
    IReadOnlyList<HostTotal> Hosts);

/// <summary>A part of the reports.</summary>
/// <param name="Reports">How many.</param>
/// <param name="PolicyTypes">Their counts, the policy type with the most sessions first.</param>
internal sealed record ReportTotals(int Reports, IReadOnlyList<PolicyTypeTotal> PolicyTypes);

/// <summary>The sums of the reports in a range. Its memory is bounded, independent of their number and content.</summary>
/// <param name="Counted">Those whose senders are authenticated well enough.</param>
/// <param name="Apart">Those whose senders are not: listed, and summed separately (ARR-3).</param>
/// <param name="Superseded">How many another body of the same report replaced.</param>
internal sealed record ReportSummary(ReportTotals Counted, ReportTotals Apart, int Superseded)
{
    /// <summary>How long each list is.</summary>
    public const int ListLength = 20;

    /// <summary>Sums reports up.</summary>
    public static async Task<ReportSummary> OfAsync(IAsyncEnumerable<Report> reports, CancellationToken cancellationToken)
    {
        var (counted, apart, superseded) = (new Sum(), new Sum(), 0);
        await foreach (var report in reports.WithCancellation(cancellationToken))
        {
            if (report.Superseded)
            {
                superseded++;
            }
            else
            {
                (report.IsCounted ? counted : apart).Add(report);
            }
        }

        return new ReportSummary(counted.Total, apart.Total, superseded);
    }

    private sealed class Sum
    {
        private readonly Tally<string, TypeSum> _types = new(ReportDigest.MaxTypes * 4);
        private int _reports;

        public ReportTotals Total => new(_reports, [.. _types.All
            .Select(type => type.Value.Total(type.Key))
            .OrderByDescending(type => Report.Sum([type.Sessions, type.Failures])).ThenBy(type => type.PolicyType, StringComparer.Ordinal)]);

        public void Add(Report report)
        {
            _reports++;
            foreach (var counts in report.Types)
            {
                _types.At(counts.PolicyType)?.Add(report, counts);
            }
        }
    }

    private sealed class TypeSum
    {
        // More than a domain has senders and hosts; it limits invented ones.
        private const int MaxNames = 2_000;

        // Every day of a range; a range is no longer than this.
        private const int MaxDays = 400;

        private readonly Counts _all = new();
        private readonly Tally<DateOnly, Counts> _days = new(MaxDays);
        private readonly Tally<(string Signer, string Organization), SenderCounts> _senders = new(MaxNames);
        private readonly Tally<string, Counts> _resultTypes = new(MaxNames);
        private readonly Tally<(string Host, string Address), Counts> _hosts = new(MaxNames);
        private readonly Counts _others = new();

        public void Add(Report report, TypeCounts counts)
        {
            var sender = _senders.At((report.SignedBy, report.SignedBy.Length > 0 ? "" : report.Submitter));
            foreach (var sum in (Counts?[])[_all, _days.At(report.Day), sender])
            {
                sum?.Add(1, Math.Min(counts.Sessions, SigningDomain.MaxDailySessions), Math.Min(counts.Failures, SigningDomain.MaxDailySessions));
            }

            sender?.Organization = report.Submitter;

            foreach (var kind in counts.Kinds)
            {
                (_resultTypes.At(kind.ResultType) ?? _others).Add(0, 0, Math.Min(kind.Sessions, SigningDomain.MaxDailySessions));
                _hosts.At((kind.MxHost, kind.Address))?.Add(0, 0, Math.Min(kind.Sessions, SigningDomain.MaxDailySessions));
            }

            _others.Add(0, 0, Math.Min(Report.Sum([counts.OtherFailures, counts.UnexplainedFailures]), SigningDomain.MaxDailySessions));
        }

        public PolicyTypeTotal Total(string policyType) => new(
            policyType,
            _all.Sessions,
            _all.Failures,
            _others.Failures,
            [.. _days.All.OrderBy(day => day.Key).Select(day => new DayTotal(day.Key, day.Value.Reports, day.Value.Sessions, day.Value.Failures))],
            [.. Top(_resultTypes, name => name).Select(one => new ResultTypeTotal(one.Key, one.Value.Failures))],
            [.. Top(_senders, name => $"{name.Signer} {name.Organization}").Select(one => new SenderTotal(one.Key.Signer, one.Value.Organization, one.Value.Reports, one.Value.Sessions, one.Value.Failures))],
            [.. Top(_hosts, name => $"{name.Host} {name.Address}").Select(one => new HostTotal(one.Key.Host, one.Key.Address, one.Value.Failures))]);

        private static IEnumerable<KeyValuePair<TKey, TCounts>> Top<TKey, TCounts>(Tally<TKey, TCounts> tally, Func<TKey, string> nameOf)
            where TKey : notnull
            where TCounts : Counts, new() => tally.All
            .OrderByDescending(one => one.Value.Failures).ThenByDescending(one => one.Value.Sessions).ThenBy(one => nameOf(one.Key), StringComparer.Ordinal)
            .Take(ListLength);
    }

    private sealed class SenderCounts : Counts
    {
        public string Organization { get; set; } = "";
    }

    private class Counts
    {
        public int Reports { get; private set; }

        public long Sessions { get; private set; }

        public long Failures { get; private set; }

        public void Add(int reports, long sessions, long failures) =>
            (Reports, Sessions, Failures) = (Reports + reports, Report.Sum([Sessions, sessions]), Report.Sum([Failures, failures]));
    }

    // Names come from outside: beyond the limit, a new one is not counted separately.
    private sealed class Tally<TKey, TValue>(int most)
        where TKey : notnull
        where TValue : class, new()
    {
        private readonly Dictionary<TKey, TValue> _values = [];

        public IEnumerable<KeyValuePair<TKey, TValue>> All => _values;

        public TValue? At(TKey key)
        {
            if (!_values.TryGetValue(key, out var value) && _values.Count < most)
            {
                _values[key] = value = new TValue();
            }

            return value;
        }
    }
}
