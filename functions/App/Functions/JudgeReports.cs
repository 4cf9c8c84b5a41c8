using Microsoft.Azure.Functions.Worker;
using StsFunctions.JudgeReports;

namespace StsFunctions.Functions;

/// <summary>Timer, daily: the reports on every domain are evaluated, those that did not come included.</summary>
internal sealed class JudgeReports(JudgeReportsFunction useCase)
{
    [Function(nameof(JudgeReports))]
    public Task RunAsync([TimerTrigger("0 17 5 * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
