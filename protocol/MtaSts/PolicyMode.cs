namespace StsFunctions.Protocol.MtaSts;

/// <summary>What senders do with a host that fails the policy (RFC 8461 §3.2, §5).</summary>
public enum PolicyMode
{
    /// <summary><c>none</c>: the domain has no policy, or is leaving (§8.3).</summary>
    None,

    /// <summary><c>testing</c>: mail is delivered anyway, failures are reported.</summary>
    Testing,

    /// <summary><c>enforce</c>: mail is not delivered to a host that fails.</summary>
    Enforce,
}
