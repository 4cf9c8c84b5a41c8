using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Domains;

/// <summary>Policy modes as RFC 8461 §3.2 writes them.</summary>
internal static class PolicyModes
{
    /// <summary><c>enforce</c>, <c>testing</c> or <c>none</c>.</summary>
    public static string ToToken(this PolicyMode mode) => mode switch
    {
        PolicyMode.Enforce => "enforce",
        PolicyMode.Testing => "testing",
        _ => "none",
    };
}
