namespace StsFunctions.Network.Probes;

/// <summary>Retries a failed probe at once: most network failures are short. Later checks confirm whether a remaining failure is a fault.</summary>
internal sealed class Retry(CheckOptions options, TimeProvider time)
{
    /// <summary>The most attempts.</summary>
    public const int Attempts = 2;

    public async Task<T> RunAsync<T>(Func<Task<T>> probe, Func<T, bool> failed, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = await probe();
            if (attempt == Attempts || !failed(result))
            {
                return result;
            }

            await Task.Delay(options.RetryDelay, time, cancellationToken);
        }
    }
}
