using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using StsFunctions.Core.Options;

namespace StsFunctions.Storage;

/// <summary>The storage account and how to reach it: the account's name with a managed identity, or a connection string (a developer's machine, Azurite).</summary>
internal sealed record StorageOptions
{
    // Limited retries: slow or missing storage becomes a clear failure within half a minute, and the queue retries.
    private const int MaxRetries = 3;
    private static readonly TimeSpan NetworkTimeout = TimeSpan.FromSeconds(8);

    /// <summary>A connection string, which overrides <see cref="AccountName"/>; null if there is none.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>The name of the account, which is accessed with a token; null if there is none.</summary>
    public string? AccountName { get; init; }

    /// <summary>The client id of the user-assigned identity; null for the default identity or the signed-in developer.</summary>
    public string? ClientId { get; init; }

    /// <summary>Binds the options to their settings, which the Functions host reads too.</summary>
    public static StorageOptions Bind(SettingsBinder settings) => new()
    {
        ConnectionString = settings.Text("AzureWebJobsStorage"),
        AccountName = settings.Text("AzureWebJobsStorage__accountName"),
        ClientId = settings.Text("AzureWebJobsStorage__clientId") ?? settings.Text("AZURE_CLIENT_ID"),
    };

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
        options.RetryPolicy = new BoundedRetryPolicy(maxRetries);
        options.Retry.NetworkTimeout = networkTimeout ?? NetworkTimeout;
        return options;
    }
}
