using Microsoft.Azure.Functions.Worker;
using StsFunctions.ScheduleChecks;

namespace StsFunctions.Functions;

/// <summary>Timer, daily: asks for a check of every domain.</summary>
internal sealed class ScheduleChecks(ScheduleChecksFunction useCase)
{
    [Function(nameof(ScheduleChecks))]
    public Task RunAsync([TimerTrigger("0 17 3 * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
