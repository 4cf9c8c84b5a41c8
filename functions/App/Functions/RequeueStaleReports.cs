using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Functions;

/// <summary>Timer, hourly: requeues reports whose message was lost.</summary>
internal sealed class RequeueStaleReports(StaleReportRequeuer useCase)
{
    [Function(nameof(RequeueStaleReports))]
    public Task RunAsync([TimerTrigger("0 47 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
