using Microsoft.Azure.Functions.Worker;
using StsFunctions.SweepStorage;

namespace StsFunctions.Functions;

/// <summary>Timer, hourly: reports whose message was lost are asked for again, and what nobody needs is cleared away.</summary>
internal sealed class SweepStorage(SweepStorageFunction useCase)
{
    [Function(nameof(SweepStorage))]
    public Task RunAsync([TimerTrigger("0 47 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
