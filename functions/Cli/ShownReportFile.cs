using StsFunctions.Core.Reports;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Dkim;

namespace StsFunctions.Cli;

/// <summary>A way in which a report deviates from RFC 8460.</summary>
internal sealed record ShownNote(string Code, string Where, string What, int Times, string Reason);

/// <summary>The part of a report on one policy.</summary>
internal sealed record ShownPolicy(
    string Domain,
    string Type,
    IReadOnlyList<string> PolicyString,
    IReadOnlyList<string> MxHosts,
    long Sessions,
    long Failures,
    IReadOnlyList<FailureDetail> Details,
    long UnlistedFailures);

/// <summary>A report of a file, with what is known about its sender.</summary>
/// <param name="Submitter">The organization that sent it.</param>
/// <param name="ReportId">The sender's id of the report.</param>
/// <param name="Start">The start of its range.</param>
/// <param name="End">The end of its range.</param>
/// <param name="ContactInfo">How to reach the sender.</param>
/// <param name="FileName">The name of its file, from its mail, zip or gzip.</param>
/// <param name="ByMail">Whether it arrived in a mail.</param>
/// <param name="Verdict">Its authentication, by its mail's signatures and the keys that DNS returns now.</param>
/// <param name="SignedBy">The domain of the signature that the verdict is based on; empty if there is none.</param>
/// <param name="Unsigned">Why signatures do not count.</param>
/// <param name="Policies">The reported policies.</param>
/// <param name="Notes">The deviations.</param>
internal sealed record ShownReportFile(
    string Submitter,
    string ReportId,
    DateTimeOffset Start,
    DateTimeOffset End,
    string? ContactInfo,
    string? FileName,
    bool ByMail,
    AuthenticationResult Verdict,
    string SignedBy,
    IReadOnlyList<string> Unsigned,
    IReadOnlyList<ShownPolicy> Policies,
    IReadOnlyList<ShownNote> Notes)
{
    public static ShownReportFile Of(ReadReport read, DkimResults? signers)
    {
        var (verdict, signedBy) = signers?.ResultFor(read.Report.OrganizationName) ?? (AuthenticationResult.Unverified, "");
        return Of(read, verdict, signedBy, signers?.Reasons ?? []);
    }

    private static ShownReportFile Of(ReadReport read, AuthenticationResult verdict, string signedBy, IReadOnlyList<string> unsigned) => new(
        read.Report.OrganizationName ?? "",
        read.Report.ReportId,
        read.Report.Start,
        read.Report.End,
        read.Report.ContactInfo,
        read.FileName,
        read.ByMail,
        verdict,
        signedBy,
        unsigned,
        [.. read.Report.Policies.Select(policy => new ShownPolicy(
            policy.PolicyDomain.Value, policy.PolicyType, policy.PolicyString, policy.MxHosts, policy.SuccessfulSessions, policy.FailedSessions, policy.FailureDetails, policy.UnlistedFailures))],
        [.. read.Notes.Select(note => new ShownNote(note.Deviation.Code, note.Where, note.What, note.Times, note.Deviation.Reason))]);
}
