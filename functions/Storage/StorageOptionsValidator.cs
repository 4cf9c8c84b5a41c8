using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Options;

namespace StsFunctions.Storage;

/// <summary>Validates that there is a storage account, and that a connection string is valid.</summary>
internal sealed class StorageOptionsValidator : IValidateOptions<StorageOptions>
{
    public ValidateOptionsResult Validate(string? name, StorageOptions options) => options switch
    {
        { ConnectionString: null, AccountName: null } => ValidateOptionsResult.Fail(
            "AzureWebJobsStorage: not set; set AzureWebJobsStorage__accountName to the storage account's name (managed identity), or AzureWebJobsStorage to a connection string."),
        // The message must not repeat it: it may hold the account's key.
        { ConnectionString: { } text } when !IsConnectionString(text) => ValidateOptionsResult.Fail(
            "AzureWebJobsStorage: not a storage connection string; copy it whole from the storage account, or use AzureWebJobsStorage__accountName."),
        _ => ValidateOptionsResult.Success,
    };

    private static bool IsConnectionString(string text)
    {
        try
        {
            _ = new BlobServiceClient(text);
            _ = new TableServiceClient(text);
            return true;
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }
}
