using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Queues;
using Azure.Storage.Queues.Models;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage;

/// <summary>The name of every table, container and queue. In Azure the templates create them; elsewhere <c>sts setup</c> does, with <see cref="EnsureAsync(StorageOptions, CancellationToken)"/>. Nothing else creates any.</summary>
internal static class StorageLayout
{
    /// <summary>The most operations of one entity group transaction.</summary>
    public const int MaxOperations = 100;

    /// <summary>Creates what is missing; safe to run at any time.</summary>
    public static async Task EnsureAsync(BlobServiceClient blobs, QueueServiceClient queues, TableServiceClient tables, CancellationToken cancellationToken)
    {
        foreach (var container in (string[])[StorageNames.PoliciesContainer, StorageNames.ObservationsContainer, StorageNames.InboxContainer, StorageNames.ReportsContainer, StorageNames.QuarantineContainer])
        {
            await blobs.GetBlobContainerClient(container).CreateIfNotExistsAsync(cancellationToken: cancellationToken);
        }

        foreach (var queue in (string[])[StorageNames.DomainChecksQueue, StorageNames.ReportArrivalsQueue, StorageNames.EvaluationsQueue, StorageNames.NotificationsQueue])
        {
            await queues.GetQueueClient(queue).CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            await queues.GetQueueClient(queue + "-poison").CreateIfNotExistsAsync(cancellationToken: cancellationToken);
        }

        foreach (var table in (string[])[StorageNames.DomainsTable, StorageNames.DomainSummariesTable, StorageNames.MxHostsTable, StorageNames.ReportsTable, StorageNames.ReportFailuresTable])
        {
            await CreateTableAsync(tables.GetTableClient(table), cancellationToken);
        }
    }

    /// <summary>Creates what is missing in the storage account of the options.</summary>
    public static Task EnsureAsync(StorageOptions options, CancellationToken cancellationToken) => EnsureAsync(options.Blobs(), options.Queues(), options.Tables(), cancellationToken);

    /// <summary>Whether a failure means that a table does not exist: nothing was ever stored there.</summary>
    public static bool LacksTable(RequestFailedException failure) => failure.ErrorCode == TableErrorCode.TableNotFound;

    /// <summary>The advice for a failure because a part of the layout is missing; null for any other failure.</summary>
    public static string? AdviceOn(Exception failure) => failure switch
    {
        RequestFailedException e when e.ErrorCode == TableErrorCode.TableNotFound => Advice("table"),
        RequestFailedException e when e.ErrorCode == BlobErrorCode.ContainerNotFound => Advice("container"),
        RequestFailedException e when e.ErrorCode == QueueErrorCode.QueueNotFound => Advice("queue"),
        AggregateException all => all.InnerExceptions.Select(AdviceOn).FirstOrDefault(advice => advice is not null),
        { InnerException: { } cause } => AdviceOn(cause),
        _ => null,
    };

    // CreateIfNotExists of Azure.Data.Tables needs reflection-based JSON, which native code does not have.
    private static async Task CreateTableAsync(TableClient table, CancellationToken cancellationToken)
    {
        try
        {
            await table.CreateAsync(cancellationToken);
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableAlreadyExists)
        {
        }
    }

    private static string Advice(string kind) => $"The storage account has no {kind} that this needs: azd provision makes them in Azure, sts setup elsewhere.";
}
