using Azure;
using Azure.Data.Tables.Models;
using Azure.Storage.Blobs.Models;

namespace StsFunctions.Storage;

/// <summary>Reads, changes and commits over the version that was read, and retries all of it if another writer was first.</summary>
internal static class OptimisticConcurrency
{
    private const int MaxAttempts = 5;

    /// <summary>Retries until no other writer was first.</summary>
    /// <param name="what">The written item, for the error message.</param>
    /// <param name="attempt">Reads, changes and commits once.</param>
    /// <param name="maxAttempts">The most attempts.</param>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public static async Task<T> RetryAsync<T>(string what, Func<Task<T>> attempt, int maxAttempts = MaxAttempts)
    {
        for (var count = 1; ; count++)
        {
            try
            {
                return await attempt();
            }
            catch (Exception e) when (IsConflict(e))
            {
                // The other writer may be this one, if the answer was lost: a fresh read shows what is left to do.
                if (count == maxAttempts)
                {
                    throw new ConcurrentChangeException(what, e);
                }
            }
        }
    }

    /// <inheritdoc cref="RetryAsync{T}"/>
    public static Task RetryAsync(string what, Func<Task> attempt, int maxAttempts = MaxAttempts) => RetryAsync(
        what,
        async () =>
        {
            await attempt();
            return true;
        },
        maxAttempts);

    /// <summary>Whether a failure means that another writer was first. A missing table or container does not.</summary>
    public static bool IsConflict(Exception failure) => failure is ConcurrentChangeException
        || (failure is RequestFailedException { Status: 404 or 409 or 412 } answer
            && answer.ErrorCode != TableErrorCode.TableNotFound && answer.ErrorCode != BlobErrorCode.ContainerNotFound && answer.ErrorCode != TableErrorCode.TableBeingDeleted);
}
