using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Functions;

/// <summary>Queue: reads a stored report into rows.</summary>
internal sealed class IngestReport(ReportIngestion useCase)
{
    [Function(nameof(IngestReport))]
    public Task RunAsync([QueueTrigger("report-arrivals")] string message, CancellationToken cancellationToken) => useCase.RunAsync(message, cancellationToken);
}
