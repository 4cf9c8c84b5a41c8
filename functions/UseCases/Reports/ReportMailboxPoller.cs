using StsFunctions.Core.Reports;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.ReportIntake.Mailbox;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>
/// Timer, every 15 minutes, if a mailbox is set: stores each message of its inbox raw, and then moves it out of the inbox. After an
/// interruption a message is stored again under the same name, which is derived from its bytes, and its report finds its row.
/// </summary>
internal sealed class ReportMailboxPoller(GraphMailbox? mailbox, ReportReader reader, ReportInbox inbox, TimeProvider time, ILogger<ReportMailboxPoller> log)
{
    /// <summary>The folder for stored messages.</summary>
    public const string StoredFolder = "TLS reports stored";

    /// <summary>The folder for messages that are too large to be read.</summary>
    public const string TooLargeFolder = "TLS reports too large";

    // Graph may be too busy for one message again and again; if it is busy for this many, it is busy for all.
    private const int MaxBusy = 3;

    // This is per instance: another instance may ask sooner once, and gets the same answer.
    private DateTimeOffset _notBefore;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (mailbox is null || time.GetUtcNow() < _notBefore)
        {
            return;
        }

        try
        {
            var ids = await mailbox.ListAsync(cancellationToken);
            if (ids.Count > 0)
            {
                await FetchAsync(mailbox, ids, cancellationToken);
            }
        }
        catch (GraphBusyException e)
        {
            _notBefore = time.GetUtcNow() + e.RetryAfter;
            log.LogWarning("The mailbox is read later: {Reason}", e.Message);
        }
    }

    private async Task FetchAsync(GraphMailbox from, IReadOnlyList<string> ids, CancellationToken cancellationToken)
    {
        var stored = await from.FolderAsync(StoredFolder, cancellationToken);
        var (fetched, busy) = (0, 0);
        Exception? fault = null;
        foreach (var id in ids)
        {
            try
            {
                if (await TryFetchAsync(from, id, stored, cancellationToken))
                {
                    fetched++;
                }
            }
            catch (Exception e) when (e is GraphException or HttpRequestException or IOException
                || (e is GraphBusyException { RetryAfter: var pause } && pause <= GraphMailbox.MaxPause && ++busy < MaxBusy)
                || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // A failed message does not stop the others: it stays in the inbox for the next run.
                fault = e;
                log.LogError(e, "A message in the mailbox could not be fetched; the next run tries again");
            }
        }

        log.LogInformation("Fetched {Count} of {All} message(s) from the mailbox", fetched, ids.Count);
        if (fetched == 0 && fault is not null)
        {
            // If every fetch fails, the run fails, which alerts the operator.
            throw fault;
        }
    }

    private async Task<bool> TryFetchAsync(GraphMailbox from, string id, string stored, CancellationToken cancellationToken)
    {
        try
        {
            if (!await TryStoreAsync(from, id, cancellationToken))
            {
                return false;
            }
        }
        catch (UnreadableReportException e) when (e.IsTooLarge)
        {
            await from.MoveAsync(id, await from.FolderAsync(TooLargeFolder, cancellationToken), cancellationToken);
            log.LogWarning("A message in the mailbox cannot be read and was moved to \"{Folder}\": {Reason}", TooLargeFolder, e.Message);
            return false;
        }

        await from.MoveAsync(id, stored, cancellationToken);
        return true;
    }

    private async Task<bool> TryStoreAsync(GraphMailbox from, string id, CancellationToken cancellationToken)
    {
        // Read the whole message before storing it, so that an interrupted download is not stored.
        MemoryStream? raw = null;
        try
        {
            if (!await from.TryReadAsync(id, async content => raw = await reader.BufferAsync(content, cancellationToken), cancellationToken))
            {
                return false;
            }

            await inbox.PutAsync(raw!, ReportSource.Mailbox, cancellationToken);
            return true;
        }
        finally
        {
            raw?.Dispose();
        }
    }
}
