using StsFunctions.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain;

/// <summary>What a rule judges: what was seen, and the policy that is served.</summary>
/// <param name="Seen">What a look saw.</param>
/// <param name="Policy">The served policy.</param>
/// <param name="PolicyId">Its id.</param>
/// <param name="PublishedAt">Since when it is served.</param>
internal sealed record Case(Observation Seen, Policy Policy, string PolicyId, DateTimeOffset PublishedAt)
{
    /// <summary>How bad it is when a server fails a check that the policy asks for (RFC 8461 §5).</summary>
    public Severity WhenRefused => Policy.Mode switch
    {
        PolicyMode.Enforce => Severity.Critical,
        PolicyMode.Testing => Severity.Warning,
        _ => Severity.Info,
    };

    /// <summary>What a strict sender does with mail for such a server, in words.</summary>
    public string Consequence => Policy.Mode switch
    {
        PolicyMode.Enforce => "senders that honour the policy do not deliver to this server",
        PolicyMode.Testing => "senders would not deliver to this server under enforce, and report it now",
        _ => "mail to this server is not protected against an active attacker",
    };
}

/// <summary>
/// A pure judgement over an observation. Where <see cref="SeesAll"/> is false, what stands open and is not found stays as
/// it is: nothing seen is no proof that a fault is gone.
/// </summary>
internal interface IRule
{
    /// <summary>The one code of its findings.</summary>
    string Code { get; }

    /// <summary>Whether the observation shows anything of what the rule looks at; if not, the rule is not asked.</summary>
    bool CanSee(Case given);

    /// <summary>Whether the observation shows all of it, so that a fault not seen is a fault gone.</summary>
    bool SeesAll(Case given) => CanSee(given);

    /// <summary>What it finds.</summary>
    IEnumerable<Finding> Judge(Case given);
}
