using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>Estimates the memory of a report that was read.</summary>
internal static class ReportSize
{
    // The size of an object without its texts, including the references to it.
    private const long PolicyBytes = 300;
    private const long DetailBytes = 200;
    private const long TextBytes = 40;

    /// <summary>The size in bytes, rather too high: a text that occurs a thousand times may be stored once.</summary>
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
