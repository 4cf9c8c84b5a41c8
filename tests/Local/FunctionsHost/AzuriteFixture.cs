using StsFunctions.Local.Storage;
using Xunit;

[assembly: AssemblyFixture(typeof(StsFunctions.Tests.Local.FunctionsHost.AzuriteFixture))]

namespace StsFunctions.Tests.Local.FunctionsHost;

/// <summary>One Azurite for all tests that ask for it, started by the first; each test uses names of its own.</summary>
public sealed class AzuriteFixture : IAsyncDisposable
{
    private readonly Lazy<Task<Azurite>> _azurite = new(() => Azurite.StartAsync(new AzuriteOptions(), null, CancellationToken.None));

    public async Task<string> ConnectionStringAsync() => (await _azurite.Value).ConnectionString;

    public async ValueTask DisposeAsync()
    {
        if (_azurite.IsValueCreated)
            await (await _azurite.Value).DisposeAsync();
    }
}
