using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Queues;
using Azure.Storage.Queues.Models;

namespace StsFunctions.Domains;

/// <summary>Every table, container and queue by name. In Azure the templates make them; elsewhere <c>sts setup</c> does, by <see cref="EnsureAsync"/>. Nothing else makes any.</summary>
internal static class StorageLayout
{
    public const string DomainsTable = "Domains";
    public const string FleetTable = "Fleet";
    public const string MxHostsTable = "MxHosts";
    public const string ReportsTable = "Reports";
    public const string ReportFailuresTable = "ReportFailures";

    public const string PoliciesContainer = "policies";
    public const string ObservationsContainer = "observations";
    public const string InboxContainer = "reports-inbox";
    public const string ReportsContainer = "reports";
    public const string QuarantineContainer = "reports-quarantine";

    public const string ChecksQueue = "domain-checks";
    public const string ArrivalsQueue = "report-arrivals";
    public const string EvaluationsQueue = "report-evaluations";
    public const string NotificationsQueue = "notifications";

    /// <summary>What to do where a failure says that storage lacks a part of the layout; null for any other failure.</summary>
    public static string? AdviceOn(Exception failure) => failure switch
    {
        RequestFailedException e when e.ErrorCode == TableErrorCode.TableNotFound => Advice("table"),
        RequestFailedException e when e.ErrorCode == BlobErrorCode.ContainerNotFound => Advice("container"),
        RequestFailedException e when e.ErrorCode == QueueErrorCode.QueueNotFound => Advice("queue"),
        AggregateException all => all.InnerExceptions.Select(AdviceOn).FirstOrDefault(advice => advice is not null),
        { InnerException: { } cause } => AdviceOn(cause),
        _ => null,
    };

    private static string Advice(string kind) => $"The storage account has no {kind} that this needs: azd provision makes them in Azure, sts setup elsewhere.";

    /// <summary>Makes what is not there yet; safe to run at any time.</summary>
    public static async Task EnsureAsync(BlobServiceClient blobs, QueueServiceClient queues, TableServiceClient tables, CancellationToken cancellation)
    {
        foreach (var container in (string[])[PoliciesContainer, ObservationsContainer, InboxContainer, ReportsContainer, QuarantineContainer])
        {
            await blobs.GetBlobContainerClient(container).CreateIfNotExistsAsync(cancellationToken: cancellation);
        }

        foreach (var queue in (string[])[ChecksQueue, ArrivalsQueue, EvaluationsQueue, NotificationsQueue])
        {
            await queues.GetQueueClient(queue).CreateIfNotExistsAsync(cancellationToken: cancellation);
            await queues.GetQueueClient(queue + "-poison").CreateIfNotExistsAsync(cancellationToken: cancellation);
        }

        foreach (var table in (string[])[DomainsTable, FleetTable, MxHostsTable, ReportsTable, ReportFailuresTable])
        {
            await CreateTableAsync(tables.GetTableClient(table), cancellation);
        }
    }

    // CreateIfNotExists of Azure.Data.Tables needs reflection-based JSON, which native code has not.
    private static async Task CreateTableAsync(TableClient table, CancellationToken cancellation)
    {
        try
        {
            await table.CreateAsync(cancellation);
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableAlreadyExists)
        {
        }
    }
}
