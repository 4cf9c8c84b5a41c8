using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Tests.Checks;

/// <summary>Cases made by hand: a domain that this app has hosted for two weeks.</summary>
internal static class Cases
{
    public static RuleContext Of(Observation observation, PolicyMode mode, params string[] covers) => new RuleContext(
        observation, new Policy { Mode = mode, MaxAge = 1_209_600 }, new HostedDomain(TestObservations.PolicyId, TestObservations.At.AddDays(-13), TestObservations.At.AddDays(-13), []), TestObservations.ExpectedTargets).Covering(covers);

    /// <summary>The case with these patterns in its policy.</summary>
    public static RuleContext Covering(this RuleContext context, params string[] patterns) => context.With(context.Policy with { Mx = [.. patterns.Select(MxPattern.Parse)] });

    /// <summary>The case with another <c>max_age</c>, in seconds, in its policy.</summary>
    public static RuleContext WithMaxAge(this RuleContext context, int seconds) => context.With(context.Policy with { MaxAge = seconds });

    // What is served as published follows what is published.
    private static RuleContext With(this RuleContext context, Policy policy)
    {
        var bytes = policy.Mode != PolicyMode.None && policy.Mx.IsEmpty ? [] : policy.ToBytes();
        var fetch = context.Observation.PolicyHost.Fetch;
        var isOurs = fetch?.Body is { } body && (ReferenceEquals(body, TestObservations.AsPublished) || ReferenceEquals(body, context.HostedDomain!.Bytes));
        return context with
        {
            Policy = policy,
            HostedDomain = context.HostedDomain! with { Bytes = bytes },
            Observation = isOurs ? context.Observation with { PolicyHost = context.Observation.PolicyHost with { Fetch = fetch! with { Body = bytes } } } : context.Observation,
        };
    }
}
