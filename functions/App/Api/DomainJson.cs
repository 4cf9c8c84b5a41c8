using System.Text;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Storage.Domains;
using StsFunctions.UseCases.Access;

namespace StsFunctions.App.Api;

/// <summary>A page of the list of domains; the last one has no continuation.</summary>
internal sealed record DomainListJson(IReadOnlyList<DomainLineJson> Domains, string? Continuation);

/// <summary>One domain of the list.</summary>
internal sealed record DomainLineJson(
    string Domain,
    string Group,
    string Mode,
    string PolicyId,
    string? WorstFinding,
    int OpenFindings,
    int PendingNotifications,
    DateTimeOffset? NextExpiry,
    DateTimeOffset? LastCheckAt,
    bool Observed,
    IReadOnlyList<DayJson> Days)
{
    public static DomainLineJson Of(DomainSummary row) => new(
        row.Domain,
        row.Group,
        row.Mode.ToToken(),
        row.PolicyId,
        row.WorstFinding?.ToToken(),
        row.OpenFindings,
        row.PendingNotifications,
        row.NextExpiry,
        row.LastCheckAt,
        row.Observed,
        [.. row.Days.Select(DayJson.Of)]);
}

/// <summary>The reported sessions of one day.</summary>
internal sealed record DayJson(DateOnly Day, long Sessions, long Failures)
{
    public static DayJson Of(DailySessions day) => new(day.Day, day.Sessions, day.Failures);
}

/// <summary>A domain with its policies, open findings and pending notifications.</summary>
internal sealed record DomainJson(
    string Domain,
    string Group,
    string Mode,
    string PolicyId,
    DateTimeOffset AddedAt,
    DateTimeOffset? NextExpiry,
    DateTimeOffset? LastCheckAt,
    bool Observed,
    IReadOnlyList<PolicyJson> Policies,
    IReadOnlyList<OpenFindingJson> Findings,
    IReadOnlyList<PendingNotificationJson> PendingNotifications,
    IReadOnlyList<DayJson> Days)
{
    public static DomainJson Of(AuthorizedDomain domain)
    {
        var record = domain.Partition.Record!;
        return new DomainJson(
            domain.Name.Value,
            record.Group,
            record.Mode.ToToken(),
            record.PolicyId,
            record.AddedAt,
            record.NextExpiry,
            record.LastCheckAt,
            record.Observed,
            [.. domain.Partition.Policies.Reverse().Select(PolicyJson.Of)],
            [.. domain.Partition.Findings.OrderByDescending(open => open.Finding.Severity).Select(OpenFindingJson.Of)],
            [.. domain.Partition.Outbox.OrderBy(warning => warning.At).Select(PendingNotificationJson.Of)],
            [.. domain.Days.Select(DayJson.Of)]);
    }
}

/// <summary>A published policy with its text; the newest comes first.</summary>
internal sealed record PolicyJson(string Id, string Mode, long MaxAge, DateTimeOffset PublishedAt, DateTimeOffset? ReplacedAt, string Text)
{
    public static PolicyJson Of(PolicyVersion policy) => new(
        policy.Id, policy.Mode.ToToken(), (long)policy.MaxAge.TotalSeconds, policy.PublishedAt, policy.ReplacedAt, Encoding.UTF8.GetString(policy.Bytes));
}

/// <summary>An open finding.</summary>
internal sealed record OpenFindingJson(
    string Code, string Severity, string Subject, DateTimeOffset OpenedAt, string Evidence, string Meaning, string Remedy, string Rfc)
{
    public static OpenFindingJson Of(OpenFinding open)
    {
        var finding = open.Finding;
        return new OpenFindingJson(
            finding.Code, finding.Severity.ToToken(), finding.Subject, open.OpenedAt, finding.Evidence, finding.Meaning, finding.Remedy, finding.Rfc);
    }
}

/// <summary>A pending notification.</summary>
internal sealed record PendingNotificationJson(string Change, DateTimeOffset At, string Code, string Severity, string Subject)
{
    public static PendingNotificationJson Of(OutboxNotification warning) => new(
        warning.Change.ToToken(), warning.At, warning.Finding.Code, warning.Finding.Severity.ToToken(), warning.Finding.Subject);
}

/// <summary>Names in the form of the API.</summary>
internal static class Tokens
{
    public static string ToToken(this Severity severity) => severity.ToString().ToLowerInvariant();

    public static string ToToken(this Change change) => change.ToString().ToLowerInvariant();
}
