using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>The policy host answers with a redirect.</summary>
internal sealed class PolicyRedirect : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.redirect", "warning, info without a policy", "the policy host answers with a redirect",
        "Senders must not follow redirects, so they have no policy: those without a cached one deliver unprotected.",
        "Serve the file itself at https://mta-sts.<domain>/.well-known/mta-sts.txt; a redirect from http: or to www is often set for all paths, and has to leave this one out.",
        "RFC 8461 §3.3");

    public bool CanSee(Case given) => PolicyHosts.Answered(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.OtherStatus, Status: >= 300 and < 400 and var status } fetch, Host: var host }
            ? [Kind.Found(given.WhenNotLearnt, host, $"{fetch.Url} is answered with {status.ToString(CultureInfo.InvariantCulture)} to {fetch.Location ?? "nowhere"}", remedy: $"Serve the file itself at {fetch.Url}; a redirect from http: or to www is often set for all paths, and has to leave this one out.")]
            : [];
}

/// <summary>The policy host says that there is no policy.</summary>
internal sealed class PolicyStatus : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.status", "warning, info without a policy", "the policy host answers with a status that is no policy, such as 404",
        "Anything but 200 is no policy: senders without a cached one deliver unprotected.",
        "Serve the file with status 200 at https://mta-sts.<domain>/.well-known/mta-sts.txt, to everybody and without a cookie or login.",
        "RFC 8461 §3.3");

    public bool CanSee(Case given) => PolicyHosts.Answered(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.OtherStatus, Status: { } status } fetch, Host: var host } && status is not (>= 300 and < 400) && !PolicyServerError.IsPassing(status)
            ? [Kind.Found(given.WhenNotLearnt, host, $"{fetch.Url} is answered with {status.ToString(CultureInfo.InvariantCulture)}", remedy: $"Serve the file with status 200 at {fetch.Url}, to everybody and without a cookie or login.")]
            : [];
}

/// <summary>The policy host fails.</summary>
internal sealed class PolicyServerError : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.server-error", "warning, info without a policy", "the policy host answers with an error of its own, or that it is asked too often: 5xx, 408 or 429",
        "Anything but 200 is no policy: senders without a cached one deliver unprotected.",
        "Look into the web server's log for this moment; behind a proxy or a content delivery network, also at its own: curl -v https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", TakesThreeLooks: true);

    public bool CanSee(Case given) => PolicyHosts.Answered(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.OtherStatus, Status: { } status } fetch, Host: var host } && IsPassing(status)
            ? [Kind.Found(given.WhenNotLearnt, host, $"{fetch.Url} is answered with {status.ToString(CultureInfo.InvariantCulture)}", remedy: $"Look into the web server's log for this moment; behind a proxy or a content delivery network, also at its own: curl -v {fetch.Url}")]
            : [];

    public static bool IsPassing(int status) => status is >= 500 or 408 or 429;
}

/// <summary>The policy is served as something else than plain text.</summary>
internal sealed class PolicyMediaType : IRule
{
    private const string PlainText = "text/plain";

    public FindingKind Kind { get; } = new(
        "policy.media-type", "warning, info without a policy", "the policy is not served as text/plain",
        "Senders that look at the media type do not take this for a policy: those without a cached one deliver unprotected.",
        "Serve the file with Content-Type: text/plain.",
        "RFC 8461 §3.2");

    public bool CanSee(Case given) => PolicyHosts.Served(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.Fetched } fetch, Host: var host } && !IsPlainText(fetch.ContentType)
            ? [Kind.Found(given.WhenNotLearnt, host, fetch.ContentType is { } type ? $"Content-Type: {type}" : "no Content-Type")]
            : [];

    // Parameters such as a charset do not count.
    private static bool IsPlainText(string? contentType) => contentType?.Split(';')[0].Trim().Equals(PlainText, StringComparison.OrdinalIgnoreCase) == true;
}

/// <summary>The policy is longer than senders read.</summary>
internal sealed class PolicyTooLarge : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.too-large", "warning, info without a policy", "the policy has more than the 64 KiB that senders read",
        "Senders may refuse a longer file: those without a cached policy deliver unprotected.",
        "Make the policy shorter: fewer mx lines, or one with a wildcard (mx: *.<domain of the mail servers>).",
        "RFC 8461 §3.3");

    public bool CanSee(Case given) => PolicyHosts.Answered(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.TooLarge } fetch, Host: var host }
            ? [Kind.Found(given.WhenNotLearnt, host, fetch.Detail ?? $"more than {Policy.MaxBytes.ToString(CultureInfo.InvariantCulture)} bytes")]
            : [];
}

/// <summary>What is served is no policy.</summary>
internal sealed class PolicyMalformed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.malformed", "warning, info without a policy", "what the policy host serves does not parse as a policy",
        "Senders have no policy from this: those without a cached one deliver unprotected.",
        "Serve a policy, one key: value a line: version: STSv1, mode: enforce, mx: <MX host>, max_age: 1209600.",
        "RFC 8461 §3.2");

    public bool CanSee(Case given) => PolicyHosts.Served(given);

    public IEnumerable<Finding> Judge(Case given)
    {
        if (given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.Fetched, Body: { } body }, Host: var host } && PolicyHosts.Parse(body, out var fault) is null)
        {
            yield return Kind.Found(given.WhenNotLearnt, host, fault!);
        }
    }
}

/// <summary>The policy host serves another policy than the one that was published.</summary>
internal sealed class PolicyDiffers : IRule
{
    // What serves policies remembers them for less than a minute; one round more for whatever stands before it.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(5);

    public FindingKind Kind { get; } = new(
        "policy.differs", "warning, info where both say the same", "the policy host serves other bytes than were published here",
        "Senders apply a policy that is not the one published here.",
        "See what stands between: a proxy or a content delivery network that keeps an old copy is to be purged; a copy on another server is to be taken away: curl https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3, §8.1");

    public bool CanSee(Case given) => given.Hosted is not null && PolicyHosts.Served(given);

    // Whose it is says another rule, where DNS tells.
    public bool SeesAll(Case given) => CanSee(given) && given.Seen.PolicyHost is { A.IsKnown: true, Aaaa.IsKnown: true };

    public IEnumerable<Finding> Judge(Case given)
    {
        if (given is not { Hosted: { } hosted, Seen.PolicyHost: { Fetch: { Outcome: PolicyFetchOutcome.Fetched, Body: { } body } fetch, Host: var host } }
            || body.AsSpan().SequenceEqual(hosted.Bytes)
            || ClockSkew.IsWithin(hosted.PublishedAt, Grace, given.Seen.At)
            || PolicyHosts.ComesFromElsewhere(given)
            || PolicyHosts.Parsed(given) is not { } served)
        {
            yield break;
        }

        var sameWords = served.Equals(given.Policy);
        yield return Kind.Found(
            sameWords ? Severity.Info : Severity.Warning, host,
            $"{body.Length.ToString(CultureInfo.InvariantCulture)} bytes came, {hosted.Bytes.Length.ToString(CultureInfo.InvariantCulture)} were published; served: {Words(served)}; published: {Words(given.Policy)}",
            sameWords ? "The policy says the same in other bytes, so that something between this app and senders rewrites it." : null,
            $"See what stands between: a proxy or a content delivery network that keeps an old copy is to be purged; a copy on another server is to be taken away: curl {fetch.Url}");
    }

    private static string Words(Policy policy) => $"mode {policy.Mode.ToString().ToLowerInvariant()}, mx {string.Join(' ', policy.Mx)}, max_age {policy.MaxAge.ToString(CultureInfo.InvariantCulture)}";
}
