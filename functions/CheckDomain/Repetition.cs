namespace StsFunctions.CheckDomain;

/// <summary>Looks again where a look failed: a single one may fail by chance, only what fails every time counts.</summary>
internal sealed class Repetition(CheckSettings settings, TimeProvider time)
{
    /// <summary>How often a look is tried.</summary>
    public const int Attempts = 3;

    public async Task<T> RunAsync<T>(Func<Task<T>> look, Func<T, bool> failed, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var seen = await look();
            if (attempt == Attempts || !failed(seen))
            {
                return seen;
            }

            await Task.Delay(settings.RetryDelay, time, cancellation);
        }
    }
}
