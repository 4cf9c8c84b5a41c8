using StsFunctions.CheckDomain;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>Cases made by hand: a domain that this app has hosted for two weeks.</summary>
internal static class Cases
{
    public static Case Of(Observation seen, PolicyMode mode, params string[] covers) => new Case(
        seen, new Policy { Mode = mode, MaxAge = 1_209_600 }, new Hosted(Seen.PolicyId, Seen.At.AddDays(-13), Seen.At.AddDays(-13), []), Seen.Places).Covering(covers);

    /// <summary>The case with these patterns in its policy.</summary>
    public static Case Covering(this Case given, params string[] patterns) => given.With(given.Policy with { Mx = [.. patterns.Select(MxPattern.Parse)] });

    /// <summary>The case with another <c>max_age</c>, in seconds, in its policy.</summary>
    public static Case WithMaxAge(this Case given, int seconds) => given.With(given.Policy with { MaxAge = seconds });

    // What is served as published follows what is published.
    private static Case With(this Case given, Policy policy)
    {
        var bytes = policy.Mode != PolicyMode.None && policy.Mx.IsEmpty ? [] : policy.ToBytes();
        var fetch = given.Seen.PolicyHost.Fetch;
        var isOurs = fetch?.Body is { } body && (ReferenceEquals(body, Seen.AsPublished) || ReferenceEquals(body, given.Hosted!.Bytes));
        return given with
        {
            Policy = policy,
            Hosted = given.Hosted! with { Bytes = bytes },
            Seen = isOurs ? given.Seen with { PolicyHost = given.Seen.PolicyHost with { Fetch = fetch! with { Body = bytes } } } : given.Seen,
        };
    }
}
