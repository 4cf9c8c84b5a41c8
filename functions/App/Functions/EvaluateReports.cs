using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Functions;

/// <summary>Timer, daily: evaluates the reports on every domain, including missing ones.</summary>
internal sealed class EvaluateReports(ReportEvaluation useCase)
{
    [Function(nameof(EvaluateReports))]
    public Task RunAsync([TimerTrigger("0 17 5 * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
