using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Functions;

/// <summary>Timer, every 15 minutes: stores the mail of the report mailbox, if one is set.</summary>
internal sealed class PollReportMailbox(ReportMailboxPoller useCase)
{
    [Function(nameof(PollReportMailbox))]
    public Task RunAsync([TimerTrigger("30 */15 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
