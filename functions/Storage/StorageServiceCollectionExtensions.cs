using StsFunctions.Core.Options;
using StsFunctions.Storage.Domains;

namespace StsFunctions.Storage;

/// <summary>Registers the clients of the storage account.</summary>
internal static class StorageServiceCollectionExtensions
{
    // One quick attempt: the policy cache handles slow or missing storage itself.
    private const int PolicyReadRetries = 1;
    private static readonly TimeSpan PolicyReadTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Adds the options and the clients; each is created when it is first needed.</summary>
    public static IServiceCollection AddStorageClients(this IServiceCollection services)
    {
        services.AddOptions<StorageOptions, StorageOptionsValidator>(StorageOptions.Bind);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOptions>().Blobs());
        services.AddSingleton(provider => provider.GetRequiredService<StorageOptions>().Queues());
        services.AddSingleton(provider => provider.GetRequiredService<StorageOptions>().Tables());
        return services;
    }

    /// <summary>The policies, read with a client that fails fast.</summary>
    public static PolicyBlobs PoliciesToServe(this StorageOptions options) => new(options.Blobs(PolicyReadRetries, PolicyReadTimeout));
}
