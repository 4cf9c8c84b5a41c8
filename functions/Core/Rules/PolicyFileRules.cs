using System.Globalization;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Time;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Rules;

/// <summary>The policy host answers with a redirect.</summary>
internal sealed class PolicyRedirect : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.response.redirect", "warning, info without a policy", "the policy host answers with a redirect",
        "Senders must not follow redirects, so they cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Serve the file itself at https://mta-sts.<domain>/.well-known/mta-sts.txt; a redirect from http: or to www often applies to all paths, so exclude this path from it.",
        "RFC 8461 §3.3");

    public bool IsApplicable(RuleContext context) => PolicyHosts.Answered(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.OtherStatus, Status: >= 300 and < 400 and var status } fetch, Host: var host }
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, $"{fetch.Url} answers {status.ToString(CultureInfo.InvariantCulture)} with {(fetch.Location is { } location ? $"Location: {location}" : "no Location")}", remedy: $"Serve the file itself at {fetch.Url}; a redirect from http: or to www often applies to all paths, so exclude this path from it.")]
            : [];
}

/// <summary>The policy host answers with a status other than 200.</summary>
internal sealed class PolicyStatus : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.response.status", "warning, info without a policy", "the policy host answers with a status other than 200, such as 404",
        "Senders accept a policy only with status 200: those without a cached copy deliver without its protection.",
        "Serve the file with status 200 at https://mta-sts.<domain>/.well-known/mta-sts.txt, to every client and without a cookie or login.",
        "RFC 8461 §3.3");

    public bool IsApplicable(RuleContext context) => PolicyHosts.Answered(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.OtherStatus, Status: { } status } fetch, Host: var host } && status is not (>= 300 and < 400) && !PolicyServerError.IsPassing(status)
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, $"{fetch.Url} answers {status.ToString(CultureInfo.InvariantCulture)}", remedy: $"Serve the file with status 200 at {fetch.Url}, to every client and without a cookie or login.")]
            : [];
}

/// <summary>The policy host answers with an error that may pass.</summary>
internal sealed class PolicyServerError : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.response.server-error", "warning, info without a policy", "the policy host answers with a server error, a timeout or a rate limit: 5xx, 408 or 429",
        "Senders accept a policy only with status 200: those without a cached copy deliver without its protection.",
        "Check the web server's log at this time, and that of any proxy or content delivery network in front of it: curl -v https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => PolicyHosts.Answered(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.OtherStatus, Status: { } status } fetch, Host: var host } && IsPassing(status)
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, $"{fetch.Url} answers {status.ToString(CultureInfo.InvariantCulture)}", remedy: $"Check the web server's log at this time, and that of any proxy or content delivery network in front of it: curl -v {fetch.Url}")]
            : [];

    public static bool IsPassing(int status) => status is >= 500 or 408 or 429;
}

/// <summary>The policy host does not serve the policy as plain text.</summary>
internal sealed class PolicyMediaType : IRule
{
    private const string PlainText = "text/plain";

    public FindingKind Kind { get; } = new(
        "policy.response.media-type", "warning, info without a policy", "the policy host does not serve the policy as text/plain",
        "Senders that check the media type reject this policy: those without a cached copy deliver without its protection.",
        "Serve the file with Content-Type: text/plain.",
        "RFC 8461 §3.2");

    public bool IsApplicable(RuleContext context) => PolicyHosts.Served(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.Fetched } fetch, Host: var host } && !IsPlainText(fetch.ContentType)
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, fetch.ContentType is { } type ? $"Content-Type: {type}" : "no Content-Type")]
            : [];

    // Parameters such as a charset do not count.
    private static bool IsPlainText(string? contentType) => contentType?.Split(';')[0].Trim().Equals(PlainText, StringComparison.OrdinalIgnoreCase) == true;
}

/// <summary>The policy is larger than senders have to accept.</summary>
internal sealed class PolicyTooLarge : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.file.too-large", "warning, info without a policy", "the policy is larger than 64 KiB",
        "Senders may reject a policy of more than 64 KiB: those that do, and have no cached copy, deliver without its protection.",
        "Make the policy shorter: fewer mx lines, or one with a wildcard (mx: *.<domain of the mail servers>).",
        "RFC 8461 §3.3");

    public bool IsApplicable(RuleContext context) => PolicyHosts.Answered(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.TooLarge } fetch, Host: var host }
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, fetch.Detail ?? $"more than {Policy.MaxBytes.ToString(CultureInfo.InvariantCulture)} bytes")]
            : [];
}

/// <summary>The policy host serves a file that does not parse as a policy.</summary>
internal sealed class PolicyMalformed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.file.malformed", "warning, info without a policy", "the policy host serves a file that does not parse as a policy",
        "Strict senders reject the whole file, some senders use the lines that they can read: those that reject it and have no cached copy deliver without the policy's protection.",
        "Serve a policy with one key: value on each line: version: STSv1, mode: enforce, mx: <MX host>, max_age: 1209600. Keep your own values of mode, mx and max_age.",
        "RFC 8461 §3.2");

    public bool IsApplicable(RuleContext context) => PolicyHosts.Served(context);

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.Fetched, Body: { } body }, Host: var host } && PolicyHosts.Parse(body, out var fault) is null)
        {
            yield return Kind.Found(context.SeverityIfPolicyUnavailable, host, fault!);
        }
    }
}

/// <summary>The policy host serves another policy than the one that was published.</summary>
internal sealed class PolicyDiffers : IRule
{
    // This app caches policies for less than a minute; the rest is for a proxy in front of it.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(5);

    public FindingKind Kind { get; } = new(
        "policy.file.mismatch", "warning, info if both have the same meaning", "the policy host serves a file that differs from the policy published here",
        "Senders apply a policy that is not the one published here.",
        "Find out which server answers. If a proxy or a content delivery network has an old copy, purge it; if another server has a copy, remove that: curl https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3, §8.1");

    public bool IsApplicable(RuleContext context) => context.HostedDomain is not null && PolicyHosts.Served(context);

    // Another rule reports a policy host that is not this app's, if DNS answers for it.
    public bool IsConclusive(RuleContext context) => IsApplicable(context) && context.Observation.PolicyHost is { A.IsKnown: true, Aaaa.IsKnown: true };

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (context is not { HostedDomain: { } hosted, Observation.PolicyHost: { Fetch: { Outcome: PolicyFetchOutcome.Fetched, Body: { } body } fetch, Host: var host } }
            || body.AsSpan().SequenceEqual(hosted.Bytes)
            || ClockSkew.IsWithin(hosted.PublishedAt, Grace, context.Observation.At)
            || PolicyHosts.IsForeign(context)
            || PolicyHosts.Parsed(context) is not { } served)
        {
            yield break;
        }

        var sameWords = served.Equals(context.Policy);
        yield return Kind.Found(
            sameWords ? Severity.Info : Severity.Warning, host,
            $"{body.Length.ToString(CultureInfo.InvariantCulture)} bytes served, {hosted.Bytes.Length.ToString(CultureInfo.InvariantCulture)} published; served: {Words(served)}; published: {Words(context.Policy)}",
            sameWords ? "The policy has the same meaning in different bytes, so something between this app and senders rewrites it." : null,
            $"Find out which server answers. If a proxy or a content delivery network has an old copy, purge it; if another server has a copy, remove that: curl {fetch.Url}");
    }

    private static string Words(Policy policy) => $"mode {policy.Mode.ToString().ToLowerInvariant()}, mx {string.Join(' ', policy.Mx)}, max_age {policy.MaxAge.ToString(CultureInfo.InvariantCulture)}";
}
