using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>The rows of one change to one domain, gathered for one transaction, and what the partition comes to by it.</summary>
internal sealed class DomainChange(DomainPartition before)
{
    /// <summary>The property that tells which change wrote a row last.</summary>
    public const string ChangeId = "ChangeId";

    private readonly List<TableTransactionAction> _actions = [];
    private readonly List<Func<DomainPartition, ETag, DomainPartition>> _effects = [];

    /// <summary>The partition as it was read.</summary>
    public DomainPartition Before => before;

    public string Partition => before.Key;

    /// <summary>Names this change in the rows that it writes, so that one whose answer was lost is known for done.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    public IReadOnlyList<TableTransactionAction> Actions => _actions;

    /// <summary>Writes the record: a first one only where none is, a later one only over the version that was read.</summary>
    /// <param name="record">The record.</param>
    /// <param name="servedBlob">The version of the blob that its policy is served from; null where that stays as it is.</param>
    public DomainChange Record(DomainRecord record, ETag? servedBlob = null)
    {
        var stored = record with { NextExpiry = StorableTime.Clamp(record.NextExpiry) };
        var (revision, blob) = (before.Revision + 1, servedBlob ?? before.ServedBlob);
        return OverVersion(
            DomainRecordRow.ToEntity(Partition, stored, revision, blob),
            (partition, version) => partition with { Record = stored, ETag = version, Revision = revision, ServedBlob = blob });
    }

    /// <summary>In the record's place, for a partition that has none: of two changes at once only one finds the version that it read.</summary>
    public DomainChange Version() => OverVersion(DomainRecordRow.WithoutRecord(Partition), (partition, version) => partition with { ETag = version });

    /// <summary>Adds a policy that was never published before.</summary>
    public DomainChange NewPolicy(PolicyVersion policy) => Put(TableTransactionActionType.Add, policy);

    /// <summary>Marks an earlier policy as replaced.</summary>
    public DomainChange Policy(PolicyVersion policy) => Put(TableTransactionActionType.UpsertReplace, policy);

    public DomainChange Open(OpenFinding open) => Add(
        new TableTransactionAction(TableTransactionActionType.UpsertReplace, FindingRow.ToEntity(Partition, open)),
        (partition, _) => partition with { Findings = With(partition.Findings, open, KeyOf) });

    public DomainChange Close(Finding finding)
    {
        var key = Keys.Finding(finding.Code, finding.Subject);
        return Add(
            new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(Partition, key), ETag.All),
            (partition, _) => partition with { Findings = [.. partition.Findings.Where(open => KeyOf(open) != key)] });
    }

    /// <summary>Puts a change into the outbox, to be told once, and into the audit trail under the same id.</summary>
    public DomainChange Tell(string round, Change change, Finding finding, DateTimeOffset at)
    {
        var warning = new PendingWarning(Keys.Outbox(round, finding, change), change, finding, at, null);
        return Add(
            new TableTransactionAction(TableTransactionActionType.UpsertReplace, OutboxRow.ToEntity(Partition, warning)),
            (partition, version) => partition with { Outbox = With(partition.Outbox, warning with { Version = version }, KeyOf) })
            .Audit(at, warning.Key, DetailOf(change, finding));
    }

    /// <summary>Puts a change that notifies nobody into the audit trail alone.</summary>
    public DomainChange AuditOnly(string round, Change change, Finding finding, DateTimeOffset at) => Audit(at, Keys.NotNotified(round, finding, change), DetailOf(change, finding));

    /// <summary>Notes which send a warning is handed to, so that a send cut off can be asked after instead of repeated. Of two who do it at once one is told so.</summary>
    /// <param name="warning">The warning, as it was read.</param>
    /// <param name="sendId">The send; null takes the note back.</param>
    /// <param name="at">When.</param>
    public DomainChange HandOver(PendingWarning warning, string? sendId, DateTimeOffset at)
    {
        var handed = warning with { SendId = sendId, HandedOverAt = at };
        return Add(
            new TableTransactionAction(TableTransactionActionType.UpdateMerge, OutboxRow.ToHandOver(Partition, handed), warning.Version),
            (partition, version) => partition with { Outbox = With(partition.Outbox, handed with { Version = version }, KeyOf) });
    }

    /// <summary>Takes a warning that was told out of the outbox.</summary>
    public DomainChange Told(PendingWarning warning) => Add(
        new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(Partition, warning.Key), ETag.All),
        (partition, _) => partition with { Outbox = [.. partition.Outbox.Where(other => other.Key != warning.Key)] });

    /// <summary>Adds to the audit trail.</summary>
    /// <param name="at">When it happened.</param>
    /// <param name="what">What happened, as an id: a warning's own, or a dotted name.</param>
    /// <param name="detail">The same for a person.</param>
    public DomainChange Audit(DateTimeOffset at, string what, string detail) =>
        Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, AuditRow.ToEntity(Partition, at, what, detail)), (partition, _) => partition);

    /// <summary>The partition after the change.</summary>
    /// <param name="versions">The new version of each row that was written, in the order of <see cref="Actions"/>.</param>
    public DomainPartition After(IReadOnlyList<ETag> versions) =>
        _effects.Zip(versions).Aggregate(before, (partition, next) => next.First(partition, next.Second));

    private DomainChange Put(TableTransactionActionType action, PolicyVersion policy) => Add(
        new TableTransactionAction(action, PolicyVersionRow.ToEntity(Partition, policy)),
        (partition, _) => partition with { Policies = With(partition.Policies, policy, one => one.Id) });

    private DomainChange OverVersion(TableEntity row, Func<DomainPartition, ETag, DomainPartition> effect) => Add(
        before.ETag == default
            ? new TableTransactionAction(TableTransactionActionType.Add, row)
            : new TableTransactionAction(TableTransactionActionType.UpdateReplace, row, before.ETag),
        effect);

    private DomainChange Add(TableTransactionAction action, Func<DomainPartition, ETag, DomainPartition> effect)
    {
        if (action.ActionType != TableTransactionActionType.Delete)
        {
            ((TableEntity)action.Entity)[ChangeId] = Id;
        }

        _actions.Add(action);
        _effects.Add(effect);
        return this;
    }

    // In the order of the keys, as a read brings them.
    private static IReadOnlyList<T> With<T>(IReadOnlyList<T> all, T one, Func<T, string> keyOf) =>
        [.. all.Where(other => keyOf(other) != keyOf(one)).Append(one).OrderBy(keyOf, StringComparer.Ordinal)];

    private static string KeyOf(OpenFinding open) => Keys.Finding(open.Finding.Code, open.Finding.Subject);

    private static string KeyOf(PendingWarning warning) => warning.Key;

    private static string DetailOf(Change change, Finding finding) => $"{change} {finding.Severity} {finding.Code} {finding.Subject}: {finding.Evidence}";
}
