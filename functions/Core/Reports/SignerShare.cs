using System.Globalization;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Text;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Core.Reports;

/// <summary>
/// One kind of failure in one signer's reports of some days, as a share of its own sessions. It contains no figures of other signers, so that no other signer can make
/// it smaller or greater.
/// </summary>
/// <param name="Signer">The signing domain; empty if unsigned reports count.</param>
/// <param name="OrganizationName">The organization name in its reports.</param>
/// <param name="Subject">The finding's subject: a registered result type, or the placeholder for all others.</param>
/// <param name="PolicyType">The policy type under which the share is greatest.</param>
/// <param name="Failures">Failed sessions. A floating-point number, because counts from outside could overflow an integer.</param>
/// <param name="Sessions">All of its sessions under that policy type.</param>
/// <param name="First">The first day that was reported.</param>
/// <param name="LastFailing">The last day with sessions that failed in this way.</param>
/// <param name="ResultTypes">The result types as the reports contain them.</param>
/// <param name="Hosts">The hosts at which sessions failed, and how many.</param>
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

    /// <summary>The severity of this share alone.</summary>
    public Severity Severity => Part < WarningPart ? Severity.Info : Part < CriticalPart ? Severity.Warning : Severity.Critical;

    /// <summary>The share in words, as evidence.</summary>
    public string Words => string.Create(
        CultureInfo.InvariantCulture,
        $"{SigningDomain.Describe(Signer, OrganizationName)}: {Failures:0} of {Sessions:0} sessions ({Part * 100:0.##} %) under {PolicyTypeName}");

    private string PolicyTypeName => PolicyType is PolicyTypes.Sts or PolicyTypes.Tlsa or PolicyTypes.NoPolicyFound ? PolicyType : TextSanitizer.Quoted(PolicyType);

    /// <summary>The shares of one signer's reports, one for each subject.</summary>
    /// <param name="reports">Its reports.</param>
    /// <param name="subjectOf">Gives the subject of the finding for a result type.</param>
    public static IEnumerable<SignerShare> Of(IReadOnlyList<Report> reports, Func<string, string> subjectOf) => reports
        .SelectMany(report => report.Types, (report, type) => (Report: report, Type: type))
        .GroupBy(one => one.Type.PolicyType)
        // Policy types count the same sessions: each share is of its type's own sessions, and the greatest share represents the subject.
        .SelectMany(type => OfType(type.Key, [.. type], subjectOf))
        .GroupBy(share => share.Subject)
        .Select(same => same.OrderByDescending(share => share.Part).ThenBy(share => share.PolicyType, StringComparer.Ordinal).First());

    private static IEnumerable<SignerShare> OfType(string policyType, List<(Report Report, TypeCounts Type)> counts, Func<string, string> subjectOf)
    {
        var kinds = counts
            .SelectMany(one => one.Type.Kinds.Append(new FailureKind(ResultTypeGuide.NoReason, "", "", one.Type.UnexplainedFailures)), (one, kind) => (one.Report, Kind: kind))
            .Where(one => one.Kind.Sessions > 0)
            .ToList();
        // The details of a report may add up to more than its totals.
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

    // Host names are text from outside: text that is no host name is quoted.
    private static string HostOf(FailureKind kind) => (NameOf(kind.MxHost), AddressOf(kind.Address)) switch
    {
        ("", "") => "(not named)",
        (var host, "") => host,
        ("", var address) => address,
        var (host, address) => $"{host} {address}",
    };

    private static string NameOf(string host) => host.Length == 0 || DomainName.TryParse(host, out _) ? Cut(host) : TextSanitizer.Quoted(host);

    private static string AddressOf(string address) =>
        address.Length == 0 ? "" : System.Net.IPAddress.TryParse(address, out _) && address.All(char.IsAscii) ? $"[{address}]" : TextSanitizer.Quoted(address);

    private static string Cut(string text) => text.Length <= MaxOrganizationName ? text : text[..MaxOrganizationName];
}
