namespace StsFunctions.Protocol.TlsRpt;

/// <summary>The policy types of a report (RFC 8460 §4.4, <c>policy-type</c>).</summary>
public static class PolicyTypes
{
    /// <summary>A TLSA record set (DANE).</summary>
    public const string Tlsa = "tlsa";

    /// <summary>An MTA-STS policy.</summary>
    public const string Sts = "sts";

    /// <summary>The domain had neither.</summary>
    public const string NoPolicyFound = "no-policy-found";

    /// <summary>Whether RFC 8460 knows the type, in exactly this spelling.</summary>
    public static bool IsKnown(string policyType) => policyType is Tlsa or Sts or NoPolicyFound;
}
