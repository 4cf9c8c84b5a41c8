using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Domains;

/// <summary>What every policy ever published means for senders' caches.</summary>
internal static class PolicyHistory
{
    /// <summary>
    /// When the last cached copy of <paramref name="policy"/> expires: the last possible serving (the moment it was
    /// replaced, our own cache time and the longest time a stale copy is served) and its max_age (RFC 8461 §3.2).
    /// </summary>
    public static DateTimeOffset ForgottenAt(this PolicyVersion policy, DateTimeOffset now, ServingOptions serving) =>
        (policy.ReplacedAt ?? now) + serving.CacheTime + serving.MaxStale + policy.MaxAge;

    /// <summary>
    /// From when the domain's record and file may be removed (RFC 8461 §8.3): once every policy with a mode other than none has
    /// expired. Null while such a policy is still served.
    /// </summary>
    public static DateTimeOffset? SafeToRemoveAt(this IReadOnlyList<PolicyVersion> policies, DateTimeOffset now, ServingOptions serving) =>
        policies is [] || policies[^1].Mode == PolicyMode.None
            ? policies.Where(p => p.Mode != PolicyMode.None).Select(p => p.ForgottenAt(now, serving)).Append(DateTimeOffset.MinValue).Max()
            : null;
}
