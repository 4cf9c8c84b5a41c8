using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>Requests that raw reports are read again.</summary>
internal sealed class ReportReprocessing(ReportArchive archive, ReportQueue queue)
{
    /// <summary>Puts a request into the queue, where it survives a restart.</summary>
    /// <returns>False if it names a raw report that does not exist.</returns>
    public async Task<bool> TryRequestAsync(ReprocessRequest request, CancellationToken cancellationToken)
    {
        if (request.RawReport is { } id && !await archive.ExistsAsync(request.Container, id, cancellationToken))
        {
            return false;
        }

        await queue.SendAsync(request, cancellationToken);
        return true;
    }
}
