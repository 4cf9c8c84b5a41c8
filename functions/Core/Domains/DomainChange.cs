using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>The rows of one change to one domain, gathered for one transaction.</summary>
internal sealed class DomainChange(string partition)
{
    /// <summary>The property that tells which change wrote a row last.</summary>
    public const string ChangeId = "ChangeId";

    // A property of a table holds 64 KiB.
    private const int MaxDetail = 8 * 1024;

    private readonly List<TableTransactionAction> _actions = [];

    public string Partition => partition;

    /// <summary>Names this change in the rows that it writes, so that one whose answer was lost is known for done.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    public IReadOnlyList<TableTransactionAction> Actions => _actions;

    /// <summary>Writes the record: a first one only where none is, a later one only over the version that was read.</summary>
    public DomainChange Record(DomainRecord record, ETag seen)
    {
        var row = new TableEntity(partition, Keys.Record)
        {
            ["Group"] = record.Group,
            ["State"] = record.State.ToString(),
            ["PolicyId"] = record.PolicyId,
            ["Mode"] = record.Mode.ToString(),
            ["AddedAt"] = record.AddedAt,
            ["CheckRun"] = record.CheckRun.Run,
            ["Attempt"] = record.CheckRun.Attempt,
            ["IsCheckRunOpen"] = record.CheckRun.IsOpen,
            ["AwaitsRemoteProbes"] = record.CheckRun.AwaitsRemoteProbes,
            ["CheckRunStartedAt"] = record.CheckRun.StartedAt,
            ["Observed"] = record.CheckRun.MxObserved,
            ["PendingFindings"] = PendingFinding.ToText(record.CheckRun.Pending),
            ["LastCheckAt"] = record.LastCheckAt,
            ["NextExpiry"] = StorableTime.Clamp(record.NextExpiry),
            ["StsTtl"] = record.StsTtl,
        };
        return Add(seen == default
            ? new TableTransactionAction(TableTransactionActionType.Add, row)
            : new TableTransactionAction(TableTransactionActionType.UpdateReplace, row, seen));
    }

    /// <summary>In the record's place, for a partition that has none: of two changes at once only one finds the version that it read.</summary>
    public DomainChange Version(ETag seen)
    {
        var row = new TableEntity(partition, Keys.Record);
        return Add(seen == default
            ? new TableTransactionAction(TableTransactionActionType.Add, row)
            : new TableTransactionAction(TableTransactionActionType.UpdateReplace, row, seen));
    }

    /// <summary>Adds a policy that was never published before.</summary>
    public DomainChange NewPolicy(PolicyVersion policy) => Add(new TableTransactionAction(TableTransactionActionType.Add, PolicyRow(policy)));

    /// <summary>Marks an earlier policy as replaced.</summary>
    public DomainChange Policy(PolicyVersion policy) => Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, PolicyRow(policy)));

    public DomainChange Open(OpenFinding open)
    {
        var row = FindingRow(Keys.Finding(open.Finding.Code, open.Finding.Subject), open.Finding);
        row["OpenedAt"] = open.OpenedAt;
        row["Round"] = open.Round;
        return Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, row));
    }

    public DomainChange Close(Finding finding) =>
        Add(new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(partition, Keys.Finding(finding.Code, finding.Subject)), ETag.All));

    /// <summary>Puts a change into the outbox, to be told once, and into the audit trail under the same id.</summary>
    public DomainChange Tell(string round, Change change, Finding finding, DateTimeOffset at)
    {
        var warning = Keys.Outbox(round, finding, change);
        var row = FindingRow(warning, finding);
        row["Change"] = change.ToString();
        row["At"] = at;
        Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, row));
        return Audit(at, warning, DetailOf(change, finding));
    }

    /// <summary>Puts a change that notifies nobody into the audit trail alone.</summary>
    public DomainChange AuditOnly(string round, Change change, Finding finding, DateTimeOffset at) => Audit(at, Keys.NotNotified(round, finding, change), DetailOf(change, finding));

    /// <summary>Notes which send a warning is handed to, so that a send cut off can be asked after instead of repeated; an empty id takes the note back.</summary>
    public DomainChange HandOver(PendingWarning warning, string sendId) =>
        Add(new TableTransactionAction(TableTransactionActionType.UpdateMerge, new TableEntity(partition, warning.Key) { ["SendId"] = sendId }, ETag.All));

    /// <summary>Takes a warning that was told out of the outbox.</summary>
    public DomainChange Told(PendingWarning warning) =>
        Add(new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(partition, warning.Key), ETag.All));

    /// <summary>Adds to the audit trail.</summary>
    /// <param name="at">When it happened.</param>
    /// <param name="what">What happened, as an id: a warning's own, or a dotted name.</param>
    /// <param name="detail">The same for a person.</param>
    public DomainChange Audit(DateTimeOffset at, string what, string detail) =>
        Add(new TableTransactionAction(
            TableTransactionActionType.UpsertReplace,
            new TableEntity(partition, Keys.Audit(at, what)) { ["At"] = at, ["What"] = what, ["Detail"] = Cut(detail) }));

    private TableEntity PolicyRow(PolicyVersion policy) => new(partition, Keys.Policy(policy.Id))
    {
        ["Bytes"] = policy.Bytes,
        ["Mode"] = policy.Mode.ToString(),
        ["MaxAge"] = (int)policy.MaxAge.TotalSeconds,
        ["PublishedAt"] = policy.PublishedAt,
        ["ReplacedAt"] = policy.ReplacedAt,
        ["Group"] = policy.Group,
    };

    private TableEntity FindingRow(string key, Finding finding) => new(partition, key)
    {
        ["Code"] = finding.Code,
        ["Severity"] = finding.Severity.ToString(),
        ["Subject"] = finding.Subject,
        ["Evidence"] = finding.Evidence,
        ["Meaning"] = finding.Meaning,
        ["Remedy"] = finding.Remedy,
        ["Rfc"] = finding.Rfc,
        ["Stage"] = finding.Stage,
        ["Notifies"] = finding.Notifies,
        ["Basis"] = finding.Basis.Length > 0 ? finding.Basis : null,
    };

    private static string DetailOf(Change change, Finding finding) => $"{change} {finding.Severity} {finding.Code} {finding.Subject}: {finding.Evidence}";

    private DomainChange Add(TableTransactionAction action)
    {
        if (action.ActionType != TableTransactionActionType.Delete)
        {
            ((TableEntity)action.Entity)[ChangeId] = Id;
        }

        _actions.Add(action);
        return this;
    }

    private static string Cut(string text) => text.Length <= MaxDetail ? text : text[..MaxDetail] + "…";
}
