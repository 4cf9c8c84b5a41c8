using StsFunctions.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain;

/// <summary>What a rule judges: what was seen, and the policy that it is held against.</summary>
/// <param name="Seen">What a look saw.</param>
/// <param name="Policy">The policy: the one that is served, or for a domain of another's the one that was fetched, or one not published yet.</param>
/// <param name="Hosted">What this app knows of the domain; null where it does not host it.</param>
/// <param name="Places">Where this app's own things are, which records are to point at.</param>
internal sealed record Case(Observation Seen, Policy Policy, Hosted? Hosted, OurPlaces Places)
{
    /// <summary>How bad it is when a server fails a check that the policy asks for (RFC 8461 §5).</summary>
    public Severity WhenRefused => Policy.Mode switch
    {
        PolicyMode.Enforce => Severity.Critical,
        PolicyMode.Testing => Severity.Warning,
        _ => Severity.Info,
    };

    /// <summary>How bad it is when only some senders refuse a server, or may do so.</summary>
    public Severity WhenSomeRefuse => WhenRefused == Severity.Critical ? Severity.Warning : WhenRefused;

    /// <summary>How bad it is when senders cannot learn the policy: no mail is refused for it, but protection is lost, where there was to be any.</summary>
    public Severity WhenNotLearnt => Policy.Mode != PolicyMode.None || IsAnnounced ? Severity.Warning : Severity.Info;

    /// <summary>Whether a record tells senders that there is a policy (RFC 8461 §3.1).</summary>
    public bool IsAnnounced => StsRecord.Select(Seen.StsRecords.Records).Record is not null;

    /// <summary>The <c>_mta-sts</c> record to publish.</summary>
    public string StsRecordToPublish => $"_mta-sts.{Seen.Domain}. TXT \"v=STSv1; id={Hosted?.PolicyId ?? "<id of the policy>"};\"";

    /// <summary>The <c>_smtp._tls</c> record to publish.</summary>
    public string TlsRptRecordToPublish =>
        $"_smtp._tls.{Seen.Domain}. TXT \"v=TLSRPTv1; rua={(Places.ReportUris is [var ours, ..] ? ours : "https://<host of this app>/v1/tlsrpt")}\"";

    /// <summary>What a strict sender does with mail for such a server, in words.</summary>
    public string Consequence => Policy.Mode switch
    {
        PolicyMode.Enforce => "senders that honour the policy do not deliver to this server",
        PolicyMode.Testing => "senders would not deliver to this server under enforce, and report it now",
        _ => "mail to this server is not protected against an active attacker",
    };
}

/// <summary>What this app knows of a domain that it hosts.</summary>
/// <param name="PolicyId">The id of the policy that is served.</param>
/// <param name="PublishedAt">Since when it is served.</param>
/// <param name="ModeSince">Since when the policies served have had its mode.</param>
/// <param name="Bytes">What is served.</param>
/// <param name="StsTtl">The longest time to live that the <c>_mta-sts</c> record was ever seen with, in seconds; 0 where it never was.</param>
internal sealed record Hosted(string PolicyId, DateTimeOffset PublishedAt, DateTimeOffset ModeSince, byte[] Bytes, int StsTtl = 0);

/// <summary>Where this app's own things are.</summary>
/// <param name="PolicyTargets">The host names that <c>mta-sts.&lt;domain&gt;</c> is to lead to; empty where they are not known.</param>
/// <param name="ReportUris">The URIs of a <c>_smtp._tls</c> record that lead here; empty where they are not known.</param>
/// <param name="CertificateAuthority">The CA that renews the certificate of the policy host, as CAA names it; null where the operator brings certificates.</param>
internal sealed record OurPlaces(IReadOnlyList<string> PolicyTargets, IReadOnlyList<string> ReportUris, string? CertificateAuthority)
{
    /// <summary>Nothing is known: no rule about them is asked.</summary>
    public static OurPlaces Unknown { get; } = new([], [], null);
}

/// <summary>
/// A pure judgement over an observation. Where <see cref="SeesAll"/> is false, what stands open and is not found stays as
/// it is: nothing seen is no proof that a fault is gone.
/// </summary>
internal interface IRule
{
    /// <summary>What it finds: one kind, and no other rule finds that.</summary>
    FindingKind Kind { get; }

    /// <summary>The one code of its findings.</summary>
    string Code => Kind.Code;

    /// <summary>Whether the observation shows anything of what the rule looks at; if not, the rule is not asked.</summary>
    bool CanSee(Case given);

    /// <summary>Whether the observation shows all of it, so that a fault not seen is a fault gone.</summary>
    bool SeesAll(Case given) => CanSee(given);

    /// <summary>What it finds, each subject once.</summary>
    IEnumerable<Finding> Judge(Case given);
}
