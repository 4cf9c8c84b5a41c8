using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Rules;

/// <summary>What a rule evaluates: an observation, and the policy that applies to it.</summary>
/// <param name="Observation">What a check observed.</param>
/// <param name="Policy">The policy: the one that this app serves; for a domain that it does not host the fetched one, or one that is not published yet.</param>
/// <param name="HostedDomain">What this app knows of the domain; null where it does not host it.</param>
/// <param name="ExpectedTargets">The names and URIs of this app that records should point to.</param>
internal sealed record RuleContext(Observation Observation, Policy Policy, HostedDomain? HostedDomain, ExpectedTargets ExpectedTargets)
{
    /// <summary>How bad it is when a server fails a check that the policy requires (RFC 8461 §5).</summary>
    public Severity SeverityIfRejected => Policy.Mode switch
    {
        PolicyMode.Enforce => Severity.Critical,
        PolicyMode.Testing => Severity.Warning,
        _ => Severity.Info,
    };

    /// <summary>How bad it is when only some senders reject a server, or may do so.</summary>
    public Severity SeverityIfSomeReject => SeverityIfRejected == Severity.Critical ? Severity.Warning : SeverityIfRejected;

    /// <summary>How bad it is when senders cannot get the policy: they reject no mail, but protection is lost, if the domain wants any.</summary>
    public Severity SeverityIfPolicyUnavailable => Policy.Mode != PolicyMode.None || IsAnnounced ? Severity.Warning : Severity.Info;

    /// <summary>Whether a record announces a policy to senders (RFC 8461 §3.1).</summary>
    public bool IsAnnounced => StsRecord.Select(Observation.StsRecords.Records).Record is not null;

    /// <summary>The <c>_mta-sts</c> record to publish.</summary>
    public string StsRecordToPublish => $"_mta-sts.{Observation.Domain}. TXT \"v=STSv1; id={HostedDomain?.PolicyId ?? "<id of the policy>"};\"";

    /// <summary>The <c>_smtp._tls</c> record to publish.</summary>
    public string TlsRptRecordToPublish =>
        $"_smtp._tls.{Observation.Domain}. TXT \"v=TLSRPTv1; rua={(ExpectedTargets.ReportUris is [var ours, ..] ? ours : "https://<host of this app>/v1/tlsrpt")}\"";

    /// <summary>What a sender that honours the policy does with mail for such a server, in words.</summary>
    public string Consequence => Policy.Mode switch
    {
        PolicyMode.Enforce => "senders that honour the policy do not deliver to this server",
        PolicyMode.Testing => "senders that honour the policy deliver under testing and may report the failure, but would not deliver to this server under enforce",
        _ => "mail to this server is not protected against an active attacker",
    };
}

/// <summary>What this app knows of a domain that it hosts.</summary>
/// <param name="PolicyId">The id of the policy that is served.</param>
/// <param name="PublishedAt">When this policy was published.</param>
/// <param name="ModeSince">Since when the served policies have had this mode.</param>
/// <param name="Bytes">The policy file as served.</param>
/// <param name="StsTtl">The longest time to live that was observed of the <c>_mta-sts</c> record, in seconds; 0 where none was.</param>
internal sealed record HostedDomain(string PolicyId, DateTimeOffset PublishedAt, DateTimeOffset ModeSince, byte[] Bytes, int StsTtl = 0);

/// <summary>The names and URIs of this app.</summary>
/// <param name="PolicyTargets">The host names that <c>mta-sts.&lt;domain&gt;</c> should point to; empty where they are not known.</param>
/// <param name="ReportUris">The URIs of a <c>_smtp._tls</c> record that send reports here; empty where they are not known.</param>
/// <param name="CertificateAuthority">The CA that renews the certificate of the policy host, as CAA names it; null where the operator brings certificates.</param>
internal sealed record ExpectedTargets(IReadOnlyList<string> PolicyTargets, IReadOnlyList<string> ReportUris, string? CertificateAuthority)
{
    /// <summary>Nothing is known: no rule about them applies.</summary>
    public static ExpectedTargets Unknown { get; } = new([], [], null);
}

/// <summary>
/// A pure function of an observation. Where <see cref="IsConclusive"/> is false, an open finding that is not found again stays
/// open: a fault that was not observed is not proven to be gone.
/// </summary>
internal interface IRule
{
    /// <summary>The kind of its findings; no other rule has the same kind.</summary>
    FindingKind Kind { get; }

    /// <summary>The one code of its findings.</summary>
    string Code => Kind.Code;

    /// <summary>Whether the observation contains anything that the rule evaluates; if not, the rule does not run.</summary>
    bool IsApplicable(RuleContext context);

    /// <summary>Whether the observation contains all of it, so that a fault that was not observed is gone.</summary>
    bool IsConclusive(RuleContext context) => IsApplicable(context);

    /// <summary>Its findings, each subject once.</summary>
    IEnumerable<Finding> Evaluate(RuleContext context);
}
