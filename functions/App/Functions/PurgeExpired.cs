using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Retention;

namespace StsFunctions.App.Functions;

/// <summary>Timer, hourly: deletes data that is past its retention or no longer used.</summary>
internal sealed class PurgeExpired(ExpiredDataPurge useCase)
{
    [Function(nameof(PurgeExpired))]
    public Task RunAsync([TimerTrigger("0 57 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
