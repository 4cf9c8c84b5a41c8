using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests;

/// <summary>
/// The lanes that start servers take turns, because <c>dotnet test</c> runs several lanes at a time: on a small machine their servers would wait for one another
/// until a limit in time is over.
/// </summary>
public sealed class Turn : IAsyncLifetime
{
    private FileLock? _turn;

    public async ValueTask InitializeAsync() => _turn = await FileLock.TakeAsync(Path.Combine(Repository.Root, ".local", "tests.lock"), TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        _turn?.Dispose();
        return ValueTask.CompletedTask;
    }
}
