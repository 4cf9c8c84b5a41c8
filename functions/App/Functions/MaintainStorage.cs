using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Retention;

namespace StsFunctions.App.Functions;

/// <summary>Timer, hourly: requeues reports whose message was lost, and deletes what is no longer needed.</summary>
internal sealed class MaintainStorage(StorageMaintenance useCase)
{
    [Function(nameof(MaintainStorage))]
    public Task RunAsync([TimerTrigger("0 47 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
