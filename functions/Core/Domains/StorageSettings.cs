using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;

namespace StsFunctions.Domains;

/// <summary>Which storage account to use and how: a connection string (a developer's machine, Azurite), or an account's name with a managed identity.</summary>
/// <param name="ConnectionString">Wins when set.</param>
/// <param name="AccountName">The account, reached with a token.</param>
/// <param name="ClientId">The user-assigned identity's client id; null means whatever identity or signed-in developer there is.</param>
internal sealed record StorageSettings(string? ConnectionString, string? AccountName, string? ClientId)
{
    // Bounded: a storage that answers slowly or not at all is a clear failure within half a minute, which the queue then retries.
    private const int MaxRetries = 3;
    private static readonly TimeSpan NetworkTimeout = TimeSpan.FromSeconds(8);

    /// <summary>What is wrong with a connection string, or null.</summary>
    public static string? FaultOf(string? connectionString)
    {
        if (connectionString is null)
        {
            return null;
        }

        try
        {
            _ = new BlobServiceClient(connectionString);
            _ = new TableServiceClient(connectionString);
            return null;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            // The text may hold the account's key: never repeated.
            return "not a storage connection string; copy it whole from the storage account, or use AzureWebJobsStorage__accountName.";
        }
    }

    public BlobServiceClient Blobs(int maxRetries = MaxRetries, TimeSpan? networkTimeout = null)
    {
        var options = Bounded(new BlobClientOptions(), maxRetries, networkTimeout);
        return ConnectionString is not null
            ? new BlobServiceClient(ConnectionString, options)
            : new BlobServiceClient(Endpoint("blob"), Credential(), options);
    }

    public QueueServiceClient Queues(int maxRetries = MaxRetries, TimeSpan? networkTimeout = null)
    {
        // The Functions host reads base64 (host.json leaves messageEncoding at its default).
        var options = Bounded(new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 }, maxRetries, networkTimeout);
        return ConnectionString is not null
            ? new QueueServiceClient(ConnectionString, options)
            : new QueueServiceClient(Endpoint("queue"), Credential(), options);
    }

    public TableServiceClient Tables(int maxRetries = MaxRetries, TimeSpan? networkTimeout = null)
    {
        var options = Bounded(new TableClientOptions(), maxRetries, networkTimeout);
        return ConnectionString is not null
            ? new TableServiceClient(ConnectionString, options)
            : new TableServiceClient(Endpoint("table"), Credential(), options);
    }

    private Uri Endpoint(string service) => new($"https://{AccountName}.{service}.core.windows.net");

    /// <summary>The app's own identity, or the signed-in developer.</summary>
    public TokenCredential Credential() => ClientId is null
        ? new DefaultAzureCredential()
        : new ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(ClientId));

    private static T Bounded<T>(T options, int maxRetries, TimeSpan? networkTimeout)
        where T : ClientOptions
    {
        options.RetryPolicy = new PromptRetry(maxRetries);
        options.Retry.NetworkTimeout = networkTimeout ?? NetworkTimeout;
        return options;
    }
}
