using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;

namespace StsFunctions.Storage.Domains;

/// <summary>The rows of one change to one domain, for one transaction, and the partition after it.</summary>
internal sealed class DomainTransaction(DomainPartition before)
{
    /// <summary>The property with the id of the change that last wrote a row.</summary>
    public const string ChangeId = "ChangeId";

    private readonly List<TableTransactionAction> _actions = [];
    private readonly List<Func<DomainPartition, ETag, DomainPartition>> _effects = [];

    /// <summary>The partition as it was read.</summary>
    public DomainPartition Before => before;

    public string Partition => before.Key;

    /// <summary>The id of this change in its rows, which identifies the change as done if its answer was lost.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    public IReadOnlyList<TableTransactionAction> Actions => _actions;

    /// <summary>Writes the record: a first one only if there is none, a later one only over the version that was read.</summary>
    /// <param name="record">The record.</param>
    /// <param name="servedBlob">The version of the blob that serves its policy; null if it does not change.</param>
    public DomainTransaction Record(DomainRecord record, ETag? servedBlob = null)
    {
        var stored = record with { NextExpiry = StorableTime.Clamp(record.NextExpiry) };
        var (revision, blob) = (before.Revision + 1, servedBlob ?? before.ServedBlob);
        return OverVersion(
            DomainRecordRow.ToEntity(Partition, stored, revision, blob),
            (partition, version) => partition with { Record = stored, ETag = version, Revision = revision, ServedBlob = blob });
    }

    /// <summary>Writes the placeholder in a partition without a record: of two concurrent changes, only one finds the version that it read.</summary>
    public DomainTransaction Version() => OverVersion(DomainRecordRow.WithoutRecord(Partition), (partition, version) => partition with { ETag = version });

    /// <summary>Adds a new policy.</summary>
    public DomainTransaction NewPolicy(PolicyVersion policy) => Put(TableTransactionActionType.Add, policy);

    /// <summary>Marks an earlier policy as replaced.</summary>
    public DomainTransaction Policy(PolicyVersion policy) => Put(TableTransactionActionType.UpsertReplace, policy);

    public DomainTransaction Open(OpenFinding open) => Add(
        new TableTransactionAction(TableTransactionActionType.UpsertReplace, FindingRow.ToEntity(Partition, open)),
        (partition, _) => partition with { Findings = With(partition.Findings, open, KeyOf) });

    public DomainTransaction Resolve(Finding finding)
    {
        var key = Keys.Finding(finding.Code, finding.Subject);
        return Add(
            new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(Partition, key), ETag.All),
            (partition, _) => partition with { Findings = [.. partition.Findings.Where(open => KeyOf(open) != key)] });
    }

    /// <summary>Adds a change to the outbox for one notification, and to the audit trail under the same id.</summary>
    public DomainTransaction Enqueue(string checkRun, Change change, Finding finding, DateTimeOffset at)
    {
        var warning = new OutboxNotification(Keys.Outbox(checkRun, finding, change), change, finding, at, null);
        return Add(
            new TableTransactionAction(TableTransactionActionType.UpsertReplace, OutboxRow.ToEntity(Partition, warning)),
            (partition, version) => partition with { Outbox = With(partition.Outbox, warning with { Version = version.ToString() }, KeyOf) })
            .Audit(at, warning.Key, DetailOf(change, finding));
    }

    /// <summary>Adds a change without a notification to the audit trail only.</summary>
    public DomainTransaction AuditOnly(string checkRun, Change change, Finding finding, DateTimeOffset at) => Audit(at, Keys.NotNotified(checkRun, finding, change), DetailOf(change, finding));

    /// <summary>Marks a notification as passed to a send, so that an interrupted send can be queried instead of repeated. Of two concurrent runs, one fails.</summary>
    /// <param name="warning">The warning, as it was read.</param>
    /// <param name="sendId">The send; null removes the mark.</param>
    /// <param name="at">When.</param>
    public DomainTransaction MarkSending(OutboxNotification warning, string? sendId, DateTimeOffset at)
    {
        var sending = warning with { SendId = sendId, HandedOverAt = at };
        return Add(
            new TableTransactionAction(TableTransactionActionType.UpdateMerge, OutboxRow.ToHandOver(Partition, sending), new ETag(warning.Version)),
            (partition, version) => partition with { Outbox = With(partition.Outbox, sending with { Version = version.ToString() }, KeyOf) });
    }

    /// <summary>Removes a notified warning from the outbox.</summary>
    public DomainTransaction Dequeue(OutboxNotification warning) => Add(
        new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(Partition, warning.Key), ETag.All),
        (partition, _) => partition with { Outbox = [.. partition.Outbox.Where(other => other.Key != warning.Key)] });

    /// <summary>Adds to the audit trail.</summary>
    /// <param name="at">When it happened.</param>
    /// <param name="what">The event as an id: a warning's own, or a dotted name.</param>
    /// <param name="detail">The event as text for a person.</param>
    public DomainTransaction Audit(DateTimeOffset at, string what, string detail) =>
        Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, AuditRow.ToEntity(Partition, at, what, detail)), (partition, _) => partition);

    /// <summary>The partition after the change.</summary>
    /// <param name="versions">The new version of each written row, in the order of <see cref="Actions"/>.</param>
    public DomainPartition After(IReadOnlyList<ETag> versions) =>
        _effects.Zip(versions).Aggregate(before, (partition, next) => next.First(partition, next.Second));

    private DomainTransaction Put(TableTransactionActionType action, PolicyVersion policy) => Add(
        new TableTransactionAction(action, PolicyVersionRow.ToEntity(Partition, policy)),
        (partition, _) => partition with { Policies = With(partition.Policies, policy, one => one.Id) });

    private DomainTransaction OverVersion(TableEntity row, Func<DomainPartition, ETag, DomainPartition> effect) => Add(
        before.ETag == default
            ? new TableTransactionAction(TableTransactionActionType.Add, row)
            : new TableTransactionAction(TableTransactionActionType.UpdateReplace, row, before.ETag),
        effect);

    private DomainTransaction Add(TableTransactionAction action, Func<DomainPartition, ETag, DomainPartition> effect)
    {
        if (action.ActionType != TableTransactionActionType.Delete)
        {
            ((TableEntity)action.Entity)[ChangeId] = Id;
        }

        _actions.Add(action);
        _effects.Add(effect);
        return this;
    }

    // In key order, as in a read.
    private static IReadOnlyList<T> With<T>(IReadOnlyList<T> all, T one, Func<T, string> keyOf) =>
        [.. all.Where(other => keyOf(other) != keyOf(one)).Append(one).OrderBy(keyOf, StringComparer.Ordinal)];

    private static string KeyOf(OpenFinding open) => Keys.Finding(open.Finding.Code, open.Finding.Subject);

    private static string KeyOf(OutboxNotification warning) => warning.Key;

    private static string DetailOf(Change change, Finding finding) => $"{change} {finding.Severity} {finding.Code} {finding.Subject}: {finding.Evidence}";
}
