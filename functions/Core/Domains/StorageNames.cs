namespace StsFunctions.Core.Domains;

/// <summary>The names of tables, containers and queues.</summary>
internal static class StorageNames
{
    public const string DomainsTable = "Domains";
    public const string DomainSummariesTable = "DomainSummaries";
    public const string MxHostsTable = "MxHosts";
    public const string ReportsTable = "Reports";
    public const string ReportFailuresTable = "ReportFailures";

    public const string PoliciesContainer = "policies";
    public const string ObservationsContainer = "observations";
    public const string InboxContainer = "reports-inbox";
    public const string ReportsContainer = "reports";
    public const string QuarantineContainer = "reports-quarantine";

    public const string DomainChecksQueue = "domain-checks";
    public const string ReportArrivalsQueue = "report-arrivals";
    public const string EvaluationsQueue = "report-evaluations";
    public const string NotificationsQueue = "notifications";
}
