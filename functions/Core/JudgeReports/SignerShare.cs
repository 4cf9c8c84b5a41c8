using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Reports;

namespace StsFunctions.JudgeReports;

/// <summary>
/// What one signer's reports of some days say of one kind of failure: a share of its own sessions. No other signer's figures are in it, so that nobody makes it smaller
/// or greater.
/// </summary>
/// <param name="Signer">The signing domain; empty where unsigned reports count.</param>
/// <param name="OrganizationName">What it calls itself.</param>
/// <param name="Subject">The finding's subject: a result type of the registry, or what stands for the others.</param>
/// <param name="PolicyType">The policy type under which the share is greatest.</param>
/// <param name="Failures">Failed sessions. Counts come from outside: as numbers that do not overflow.</param>
/// <param name="Sessions">All of its sessions under that policy type.</param>
/// <param name="First">The first day that was reported.</param>
/// <param name="LastFailing">The last day on which sessions failed so.</param>
/// <param name="ResultTypes">The result types as it wrote them.</param>
/// <param name="Hosts">Where sessions failed, and how many.</param>
internal sealed record SignerShare(
    string Signer,
    string OrganizationName,
    string Subject,
    string PolicyType,
    double Failures,
    double Sessions,
    DateOnly First,
    DateOnly LastFailing,
    IReadOnlyList<string> ResultTypes,
    IReadOnlyList<(string Host, double Failures)> Hosts)
{
    /// <summary>From this share on, sessions fail often enough to warn.</summary>
    public const double WarningPart = 0.10;

    /// <summary>From this share on, most of the sender's mail fails.</summary>
    public const double CriticalPart = 0.50;

    private const int MaxOrganizationName = 100;

    /// <summary>The share, from 0 to 1.</summary>
    public double Part => Failures / Sessions;

    /// <summary>What it comes to by itself.</summary>
    public Severity Severity => Part < WarningPart ? Severity.Info : Part < CriticalPart ? Severity.Warning : Severity.Critical;

    /// <summary>In words.</summary>
    public string Words => string.Create(
        CultureInfo.InvariantCulture,
        $"{SigningDomain.Shown(Signer, OrganizationName)}: {Failures:0} of {Sessions:0} sessions ({Part * 100:0.##} %) under {PolicyTypeName}");

    private string PolicyTypeName => PolicyType is PolicyTypes.Sts or PolicyTypes.Tlsa or PolicyTypes.NoPolicyFound ? PolicyType : PlainText.Quoted(PolicyType);

    /// <summary>The shares of one signer's reports, one a subject.</summary>
    /// <param name="reports">Its reports.</param>
    /// <param name="subjectOf">What the finding of a result type is of.</param>
    public static IEnumerable<SignerShare> Of(IReadOnlyList<Report> reports, Func<string, string> subjectOf) => reports
        .SelectMany(report => report.Types, (report, type) => (Report: report, Type: type))
        .GroupBy(one => one.Type.PolicyType)
        // Policy types tell of the same sessions: a share is one of each type's own sessions, and the worst of them stands for the subject.
        .SelectMany(type => OfType(type.Key, [.. type], subjectOf))
        .GroupBy(share => share.Subject)
        .Select(same => same.OrderByDescending(share => share.Part).ThenBy(share => share.PolicyType, StringComparer.Ordinal).First());

    private static IEnumerable<SignerShare> OfType(string policyType, List<(Report Report, TypeCounts Type)> counts, Func<string, string> subjectOf)
    {
        var kinds = counts
            .SelectMany(one => one.Type.Kinds.Append(new FailureKind(ResultTypeGuide.NoReason, "", "", one.Type.UnexplainedFailures)), (one, kind) => (one.Report, Kind: kind))
            .Where(one => one.Kind.Sessions > 0)
            .ToList();
        // A sender's details may come to more than its totals do.
        var sessions = Math.Max(
            counts.Sum(one => (double)one.Type.Sessions + one.Type.Failures),
            kinds.Sum(one => (double)one.Kind.Sessions));
        return kinds.GroupBy(one => subjectOf(one.Kind.ResultType)).Select(same => new SignerShare(
            counts[0].Report.SignedBy,
            Cut(same.MaxBy(one => one.Report.ArrivedAt).Report.Submitter),
            same.Key,
            policyType,
            same.Sum(one => (double)one.Kind.Sessions),
            sessions,
            counts.Min(one => one.Report.Day),
            same.Max(one => one.Report.Day),
            [.. same.Select(one => one.Kind.ResultType).Distinct().Order(StringComparer.Ordinal)],
            [.. same.GroupBy(one => HostOf(one.Kind), one => (double)one.Kind.Sessions).Select(host => (host.Key, host.Sum()))]));
    }

    // Names of hosts are the sender's words: what is no host name is quoted.
    private static string HostOf(FailureKind kind) => (NameOf(kind.MxHost), AddressOf(kind.Address)) switch
    {
        ("", "") => "(not named)",
        (var host, "") => host,
        ("", var address) => address,
        var (host, address) => $"{host} {address}",
    };

    private static string NameOf(string host) => host.Length == 0 || DomainName.TryParse(host, out _) ? Cut(host) : PlainText.Quoted(host);

    private static string AddressOf(string address) =>
        address.Length == 0 ? "" : System.Net.IPAddress.TryParse(address, out _) && address.All(char.IsAscii) ? $"[{address}]" : PlainText.Quoted(address);

    private static string Cut(string text) => text.Length <= MaxOrganizationName ? text : text[..MaxOrganizationName];
}
