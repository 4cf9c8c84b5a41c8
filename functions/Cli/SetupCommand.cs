using System.CommandLine;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using StsFunctions.Domains;

namespace StsFunctions.CommandLine;

/// <summary><c>setup</c>: makes the tables, containers and queues of an account that no template has made them in.</summary>
internal static class SetupCommand
{
    public static Command Create()
    {
        var setup = new Command("setup", "Make the tables, containers and queues that the app needs, where they are not there yet; in Azure, azd provision does it");
        setup.SetAction((_, cancellationToken) => DomainCommands.RunAsync(SetUpAsync, cancellationToken));
        return setup;
    }

    private static async Task<int> SetUpAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await StorageLayout.EnsureAsync(
            services.GetRequiredService<BlobServiceClient>(), services.GetRequiredService<QueueServiceClient>(), services.GetRequiredService<TableServiceClient>(), cancellationToken);
        Console.WriteLine("Storage has everything that the app needs.");
        return Commands.Ok;
    }
}
