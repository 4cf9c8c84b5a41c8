using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>The rows of one change to one domain, gathered for one transaction.</summary>
internal sealed class DomainChange(string partition)
{
    // A property of a table holds 64 KiB.
    private const int MaxDetail = 8 * 1024;

    private readonly List<TableTransactionAction> _actions = [];

    public string Partition => partition;

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
            ["LastRound"] = record.LastRound,
            ["LastCheckAt"] = record.LastCheckAt,
            ["Observed"] = record.Observed,
            ["NextExpiry"] = record.NextExpiry,
        };
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

    /// <summary>Puts a change into the outbox, to be told once.</summary>
    public DomainChange Tell(string round, Change change, Finding finding, DateTimeOffset at)
    {
        var row = FindingRow(Keys.Outbox(round, finding, change), finding);
        row["Change"] = change.ToString();
        row["At"] = at;
        return Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, row));
    }

    /// <summary>Notes which send a warning is handed to, so that a send cut off can be asked after instead of repeated; an empty id takes the note back.</summary>
    public DomainChange HandOver(PendingWarning warning, string sendId) =>
        Add(new TableTransactionAction(TableTransactionActionType.UpdateMerge, new TableEntity(partition, warning.Key) { ["SendId"] = sendId }, ETag.All));

    /// <summary>Takes a warning that was told out of the outbox.</summary>
    public DomainChange Told(PendingWarning warning) =>
        Add(new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(partition, warning.Key), ETag.All));

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
    };

    private DomainChange Add(TableTransactionAction action)
    {
        _actions.Add(action);
        return this;
    }

    private static string Cut(string text) => text.Length <= MaxDetail ? text : text[..MaxDetail] + "…";
}
