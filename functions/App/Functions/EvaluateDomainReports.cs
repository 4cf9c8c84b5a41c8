using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Functions;

/// <summary>Queue: evaluates the reports on one domain after some arrived.</summary>
internal sealed class EvaluateDomainReports(ReportEvaluation useCase)
{
    [Function(nameof(EvaluateDomainReports))]
    public Task RunAsync([QueueTrigger("report-evaluations")] string message, CancellationToken cancellationToken) => useCase.RunAsync(message, cancellationToken);
}
