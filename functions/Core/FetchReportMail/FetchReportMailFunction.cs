using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.FetchReportMail;

/// <summary>
/// Timer, every 15 minutes, where a mailbox is set: what lies in its inbox is stored raw, and moved out of the inbox only then. Killed
/// in between, a message is stored again under the name that its bytes give it, and its report finds its row.
/// </summary>
internal sealed class FetchReportMailFunction(GraphMailbox? mailbox, ReportReader reader, ReportInbox inbox, TimeProvider time, ILogger<FetchReportMailFunction> log)
{
    /// <summary>Where messages are moved that were stored.</summary>
    public const string StoredFolder = "TLS reports stored";

    /// <summary>Where messages are moved that are larger than is read.</summary>
    public const string TooLargeFolder = "TLS reports too large";

    // Graph may be too busy for one message alone, for as long as that lies there; for so many, it is for all.
    private const int MaxBusy = 3;

    // Of this instance alone: another may ask sooner once, and is told the same.
    private DateTimeOffset _notBefore;

    public async Task RunAsync(CancellationToken cancellation)
    {
        if (mailbox is null || time.GetUtcNow() < _notBefore)
        {
            return;
        }

        try
        {
            var ids = await mailbox.ListAsync(cancellation);
            if (ids.Count > 0)
            {
                await FetchAsync(mailbox, ids, cancellation);
            }
        }
        catch (GraphBusyException e)
        {
            _notBefore = time.GetUtcNow() + e.RetryAfter;
            log.LogWarning("The mailbox is read on later: {Reason}", e.Message);
        }
    }

    private async Task FetchAsync(GraphMailbox from, IReadOnlyList<string> ids, CancellationToken cancellation)
    {
        var stored = await from.FolderAsync(StoredFolder, cancellation);
        var (fetched, busy) = (0, 0);
        Exception? fault = null;
        foreach (var id in ids)
        {
            try
            {
                if (await TryFetchAsync(from, id, stored, cancellation))
                {
                    fetched++;
                }
            }
            catch (Exception e) when (e is GraphException or HttpRequestException or IOException
                || (e is GraphBusyException { RetryAfter: var pause } && pause <= GraphMailbox.MaxPause && ++busy < MaxBusy)
                || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
            {
                // One message never stops the others: it stays in the inbox, for the next run.
                fault = e;
                log.LogError(e, "A message in the mailbox could not be fetched; it is tried again at the next run");
            }
        }

        log.LogInformation("Fetched {Count} of {All} message(s) from the mailbox", fetched, ids.Count);
        if (fetched == 0 && fault is not null)
        {
            // Nothing works at all: a failed run, which the operator is alerted to.
            throw fault;
        }
    }

    private async Task<bool> TryFetchAsync(GraphMailbox from, string id, string stored, CancellationToken cancellation)
    {
        try
        {
            if (!await TryStoreAsync(from, id, cancellation))
            {
                return false;
            }
        }
        catch (UnreadableReportException e) when (e.IsTooLarge)
        {
            await from.MoveAsync(id, await from.FolderAsync(TooLargeFolder, cancellation), cancellation);
            log.LogWarning("A message in the mailbox is not read, and lies in \"{Folder}\" now: {Reason}", TooLargeFolder, e.Message);
            return false;
        }

        await from.MoveAsync(id, stored, cancellation);
        return true;
    }

    private async Task<bool> TryStoreAsync(GraphMailbox from, string id, CancellationToken cancellation)
    {
        // Whole before it is stored: what breaks off on the way is not.
        MemoryStream? raw = null;
        try
        {
            if (!await from.TryReadAsync(id, async content => raw = await reader.BufferAsync(content, cancellation), cancellation))
            {
                return false;
            }

            await inbox.PutAsync(raw!, ReportSource.Mailbox, cancellation);
            return true;
        }
        finally
        {
            raw?.Dispose();
        }
    }
}
