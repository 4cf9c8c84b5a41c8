namespace StsFunctions.CheckDomain;

/// <summary>Looks again at once where a look failed: most failures of the network are over by then. Whether what stays is a fault is for later looks to confirm.</summary>
internal sealed class Repetition(CheckOptions options, TimeProvider time)
{
    /// <summary>How often a look is tried.</summary>
    public const int Attempts = 2;

    public async Task<T> RunAsync<T>(Func<Task<T>> look, Func<T, bool> failed, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var seen = await look();
            if (attempt == Attempts || !failed(seen))
            {
                return seen;
            }

            await Task.Delay(options.RetryDelay, time, cancellation);
        }
    }
}
