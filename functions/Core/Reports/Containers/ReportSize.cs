using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Reports.Containers;

/// <summary>About how much memory a report takes that was read.</summary>
internal static class ReportSize
{
    // What an object takes apart from its texts, with what refers to it.
    private const long PolicyBytes = 300;
    private const long DetailBytes = 200;
    private const long TextBytes = 40;

    /// <summary>In bytes, and rather too many: a text that stands in it a thousand times may be held once.</summary>
    public static long Of(TlsReport report) =>
        PolicyBytes + Of(report.OrganizationName) + Of(report.ContactInfo) + Of(report.ReportId) + report.Policies.Sum(Of) + report.Notes.Sum(note => Of(note.Where) + Of(note.What));

    private static long Of(ReportedPolicy policy) =>
        PolicyBytes + Of(policy.PolicyType) + Of(policy.PolicyDomain.Value) + policy.PolicyString.Sum(Of) + policy.MxHosts.Sum(Of) + policy.FailureDetails.Sum(Of);

    private static long Of(FailureDetail detail) =>
        DetailBytes + (sizeof(char) * (Length(detail.ResultType) + Length(detail.SendingMtaIp) + Length(detail.ReceivingMxHostname) + Length(detail.ReceivingMxHelo)
        + Length(detail.ReceivingIp) + Length(detail.AdditionalInformation) + Length(detail.FailureReasonCode)));

    private static long Of(string? text) => text is null ? 0 : TextBytes + (sizeof(char) * Length(text));

    private static long Length(string? text) => text?.Length ?? 0;
}
