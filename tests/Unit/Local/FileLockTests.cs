using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Local;

public sealed class FileLockTests
{
    [Fact]
    public async Task One_process_holds_the_lock_at_a_time()
    {
        var folder = Directory.CreateTempSubdirectory("sts-lock-").FullName;
        var file = Path.Combine(folder, "not-there-yet", "lock");
        var (holders, most) = (0, 0);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            using var exclusive = await FileLock.TakeAsync(file, TestContext.Current.CancellationToken);
            most = Math.Max(most, Interlocked.Increment(ref holders));
            await Task.Yield();
            Interlocked.Decrement(ref holders);
        })));

        Assert.Equal((0, 1), (holders, most));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_process_that_waits_in_vain_gets_an_error()
    {
        var folder = Directory.CreateTempSubdirectory("sts-lock-").FullName;
        using (await FileLock.TakeAsync(Path.Combine(folder, "lock"), TestContext.Current.CancellationToken))
        {
            using var enough = new CancellationTokenSource(TimeSpan.FromMilliseconds(10));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => FileLock.TakeAsync(Path.Combine(folder, "lock"), enough.Token));
        }

        Directory.Delete(folder, recursive: true);
    }
}
