using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Checks;

namespace StsFunctions.App.Functions;

/// <summary>Timer, daily: requests a check of every domain.</summary>
internal sealed class ScheduleChecks(CheckScheduler useCase)
{
    [Function(nameof(ScheduleChecks))]
    public Task RunAsync([TimerTrigger("0 17 3 * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
