using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Core.Reports;

/// <summary>What the domain's own checks say of what senders report. Pure: read off the partition, without a call.</summary>
/// <param name="open">What is open of the domain, of checks and of reports alike.</param>
/// <param name="isObserved">Whether the last check reached port 25.</param>
/// <param name="lastCheckAt">When it was.</param>
internal sealed class ProbeConfirmation(IReadOnlyList<OpenFinding> open, bool isObserved, DateTimeOffset? lastCheckAt)
{

    // Worth knowing, and no failure of a session or a fetch.
    private static readonly string[] NoFailures = ["policy-host.caa.mismatch.", "policy-host.response.slow", "policy-host.certificate.expiring"];

    /// <summary>No check was made.</summary>
    public static ProbeConfirmation None { get; } = new([], false, null);

    /// <summary>The beginnings of the codes that a check finds where a sender reports a result type.</summary>
    public static IReadOnlyDictionary<string, string[]> Codes { get; } = new Dictionary<string, string[]>()
    {
        [ResultTypes.StartTlsNotSupported] = ["mx.starttls."],
        [ResultTypes.CertificateHostMismatch] = ["mx.certificate.name-mismatch"],
        [ResultTypes.CertificateExpired] = ["mx.certificate.expired"],
        [ResultTypes.CertificateNotTrusted] = ["mx.certificate.untrusted", "mx.certificate.self-signed", "mx.certificate.intermediate-missing"],
        [ResultTypes.ValidationFailure] = ["mx.tls.", "mx.starttls.", "mx.certificate.not-yet-valid", "mx.certificate.usage"],
        [ResultTypes.TlsaInvalid] = ["tlsa.record.mismatch"],
        [ResultTypes.DnssecInvalid] = ["tlsa.record.lookup-failed"],
        [ResultTypes.StsPolicyFetchError] = ["policy-host.", "policy.response.status", "policy.response.server-error", "policy.response.redirect"],
        [ResultTypes.StsPolicyInvalid] = ["policy.file.malformed", "policy.file.too-large"],
        [ResultTypes.StsWebPkiInvalid] = ["policy-host.certificate.invalid"],
    };

    /// <summary>What a domain's record and its open findings say.</summary>
    public static ProbeConfirmation Of(DomainRecord? record, IReadOnlyList<OpenFinding> open) => new(open, record?.Observed ?? false, record?.LastCheckAt);

    /// <summary>The open findings of checks that say the same.</summary>
    public IReadOnlyList<string> CodesOf(string resultType) => Codes.TryGetValue(resultType, out var starts)
        ? [.. open.Select(finding => finding.Finding.Code).Where(code => Begins(code, starts) && !Begins(code, NoFailures)).Distinct().Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Whether a check after a day could observe what the result type is about, and found nothing of the kind.</summary>
    public bool SeesNothingOf(string resultType, DateOnly after) =>
        Codes.ContainsKey(resultType) && isObserved && lastCheckAt is { } at && DateOnly.FromDateTime(at.UtcDateTime) > after && CodesOf(resultType).Count == 0;

    private static bool Begins(string code, string[] starts) => starts.Any(start => code.StartsWith(start, StringComparison.Ordinal));
}
