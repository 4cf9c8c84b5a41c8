using Microsoft.Azure.Functions.Worker;
using StsFunctions.JudgeReports;

namespace StsFunctions.Functions;

/// <summary>Queue: evaluates the reports on one domain, once some have arrived.</summary>
internal sealed class EvaluateDomainReports(JudgeReportsFunction useCase)
{
    [Function(nameof(EvaluateDomainReports))]
    public Task RunAsync([QueueTrigger("report-evaluations")] string message, CancellationToken cancellationToken) => useCase.RunAsync(message, cancellationToken);
}
