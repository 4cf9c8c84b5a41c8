using System.CommandLine;
using StsFunctions.Storage;

namespace StsFunctions.Cli;

/// <summary><c>setup</c>: creates the tables, containers and queues of an account without templates.</summary>
internal static class SetupCommand
{
    public static Command Create()
    {
        var setup = new Command("setup", "Create the tables, containers and queues that the app needs and that do not exist yet; in Azure, azd provision does it");
        setup.SetAction((_, cancellationToken) => DomainCommands.RunAsync(SetUpAsync, cancellationToken));
        return setup;
    }

    private static async Task<int> SetUpAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await StorageLayout.EnsureAsync(services.GetRequiredService<StorageOptions>(), cancellationToken);
        Console.WriteLine("Storage has everything that the app needs.");
        return Commands.Ok;
    }
}
