using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>Turns the part of a report on one domain into rows.</summary>
internal static class ReportRows
{
    /// <summary>The most failures with a row of their own; the rest of a larger report is summed in one row.</summary>
    public const int MaxFailures = 1_000;

    // Longer than any host name, address or result type, and short enough for 100 rows in one transaction.
    private const int MaxName = 255;
    private const int MaxInformation = 1_000;

    // Several policy types count the same sessions, so one type gives the report's counts: preferably the one for this domain's policy.
    private static readonly string[] Preference = [PolicyTypes.Sts, PolicyTypes.Tlsa, PolicyTypes.NoPolicyFound];

    /// <summary>The report's row, and a row for each result type, MX host and address that failed under each policy type.</summary>
    public static (Report Report, IReadOnlyList<ReportFailure> Failures) Of(
        ReadReport read, DomainName domain, IReadOnlyList<ReportedPolicy> policies, IncomingReport arrival, string blob)
    {
        var types = policies
            .GroupBy(policy => Cut(policy.PolicyType, MaxName))
            .Select(type => (PolicyType: type.Key, Sessions: Report.Sum(type.Select(p => p.SuccessfulSessions)), Failures: Report.Sum(type.Select(p => p.FailedSessions))))
            .OrderBy(type => Array.IndexOf(Preference, type.PolicyType) is >= 0 and var at ? at : int.MaxValue)
            .ToList();
        var failures = FailuresOf(policies);
        var counted = types[0];
        var report = new Report(
            domain.Value,
            read.Report.OrganizationName ?? "",
            read.Report.ReportId,
            read.Report.Start,
            read.Report.End,
            counted.PolicyType,
            counted.Sessions,
            counted.Failures,
            arrival.Source ?? (read.ByMail ? ReportSource.Mail : ReportSource.Dropped),
            AuthenticationResult.Unverified,
            arrival.ArrivedAt,
            read.BodyHash,
            blob)
        {
            Digest = ReportDigest.Of(types, failures),
            Notes = [.. read.Notes.Select(note => note.ToString())],
        };
        return (report, failures);
    }

    private static List<ReportFailure> FailuresOf(IReadOnlyList<ReportedPolicy> policies)
    {
        var failures = policies
            .SelectMany(policy => policy.FailureDetails, (policy, detail) => (
                PolicyType: Cut(policy.PolicyType, MaxName),
                ResultType: Cut(detail.ResultType, MaxName),
                Host: Cut((detail.ReceivingMxHostname ?? "").ToLowerInvariant(), MaxName),
                Address: Cut(detail.ReceivingIp ?? "", MaxName),
                Detail: detail))
            .GroupBy(one => (one.PolicyType, one.ResultType, one.Host, one.Address), one => one.Detail)
            .Select(same => new ReportFailure(
                same.Key.ResultType,
                same.Key.Host,
                same.Key.Address,
                Report.Sum(same.Select(detail => detail.FailedSessions)),
                Cut(same.Select(detail => detail.AdditionalInformation ?? detail.FailureReasonCode).FirstOrDefault(text => !string.IsNullOrEmpty(text)) ?? "", MaxInformation))
            {
                PolicyType = same.Key.PolicyType,
            })
            .OrderByDescending(failure => failure.Sessions)
            .ToList();
        // Of a large report, the reader retains only the largest kinds.
        var unlisted = policies
            .GroupBy(policy => Cut(policy.PolicyType, MaxName), policy => policy.UnlistedFailures)
            .Select(type => (PolicyType: type.Key, Sessions: Report.Sum(type)))
            .Where(type => type.Sessions > 0)
            .ToList();
        if (failures.Count + unlisted.Count <= MaxFailures)
        {
            return [.. failures, .. unlisted.Select(type => Others(type.PolicyType, type.Sessions, "more kinds"))];
        }

        // The rest has one row per policy type, so that no two types are summed. A report with hundreds of types is not genuine and loses some.
        var types = Math.Min(failures.Select(failure => failure.PolicyType).Concat(unlisted.Select(type => type.PolicyType)).Distinct().Count(), MaxFailures / 2);
        var rest = failures.Skip(MaxFailures - types)
            .Select(failure => (failure.PolicyType, failure.Sessions, Kinds: 1))
            .Concat(unlisted.Select(type => (type.PolicyType, type.Sessions, Kinds: 0)))
            .GroupBy(one => one.PolicyType)
            .Take(types)
            .Select(type => Others(type.Key, Report.Sum(type.Select(one => one.Sessions)), type.Any(one => one.Kinds == 0) ? $"{type.Sum(one => one.Kinds)} and more kinds" : $"{type.Sum(one => one.Kinds)} more kinds"));
        return [.. failures.Take(MaxFailures - types), .. rest];
    }

    private static ReportFailure Others(string policyType, long sessions, string information) =>
        new(ReportFailure.Others, "", "", sessions, information) { PolicyType = policyType };

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..most];
}
