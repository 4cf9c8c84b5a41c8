using Microsoft.Azure.Functions.Worker;
using StsFunctions.FetchReportMail;

namespace StsFunctions.Functions;

/// <summary>Timer, every 15 minutes: stores the mail of the report mailbox, where one is set.</summary>
internal sealed class FetchReportMail(FetchReportMailFunction useCase)
{
    [Function(nameof(FetchReportMail))]
    public Task RunAsync([TimerTrigger("30 */15 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
