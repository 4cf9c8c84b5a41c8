using StsFunctions.Domains;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Reports;

namespace StsFunctions.CommandLine;

/// <summary>A way in which a report deviates from RFC 8460.</summary>
internal sealed record ShownNote(string Code, string Where, string What, int Times, string Reason);

/// <summary>What a report says of one policy.</summary>
internal sealed record ShownPolicy(
    string Domain,
    string Type,
    IReadOnlyList<string> PolicyString,
    IReadOnlyList<string> MxHosts,
    long Sessions,
    long Failures,
    IReadOnlyList<FailureDetail> Details,
    long UnlistedFailures);

/// <summary>A report of a file, with what is known of its sender.</summary>
/// <param name="Submitter">Who made it.</param>
/// <param name="ReportId">The sender's own id for it.</param>
/// <param name="Start">The first moment it covers.</param>
/// <param name="End">The last.</param>
/// <param name="ContactInfo">How to reach the sender.</param>
/// <param name="FileName">The name of its file, by its mail, zip or gzip.</param>
/// <param name="ByMail">Whether it lay in a mail.</param>
/// <param name="Verdict">Who vouches for it, by its mail's signatures and the keys that DNS tells now.</param>
/// <param name="SignedBy">Whose signature the verdict rests on; empty where it rests on none.</param>
/// <param name="Unsigned">Why signatures do not count.</param>
/// <param name="Policies">What it says.</param>
/// <param name="Notes">How it deviates.</param>
internal sealed record ShownReportFile(
    string Submitter,
    string ReportId,
    DateTimeOffset Start,
    DateTimeOffset End,
    string? ContactInfo,
    string? FileName,
    bool ByMail,
    Verdict Verdict,
    string SignedBy,
    IReadOnlyList<string> Unsigned,
    IReadOnlyList<ShownPolicy> Policies,
    IReadOnlyList<ShownNote> Notes)
{
    public static ShownReportFile Of(ReadReport read, MailSigners? signers)
    {
        var (verdict, signedBy) = signers?.VerdictOn(read.Report.OrganizationName) ?? (Verdict.Unverified, "");
        return Of(read, verdict, signedBy, signers?.Reasons ?? []);
    }

    private static ShownReportFile Of(ReadReport read, Verdict verdict, string signedBy, IReadOnlyList<string> unsigned) => new(
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
