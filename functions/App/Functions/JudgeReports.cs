using Microsoft.Azure.Functions.Worker;
using StsFunctions.JudgeReports;

namespace StsFunctions.Functions;

/// <summary>Timer, hourly: what reports say of each domain becomes findings.</summary>
internal sealed class JudgeReports(JudgeReportsFunction useCase)
{
    [Function(nameof(JudgeReports))]
    public Task RunAsync([TimerTrigger("0 17 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
