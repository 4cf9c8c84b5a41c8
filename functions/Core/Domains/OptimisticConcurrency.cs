using Azure;
using Azure.Data.Tables.Models;
using Azure.Storage.Blobs.Models;

namespace StsFunctions.Domains;

/// <summary>Read, change, commit over the version that was read; and all of it again where another writer was first.</summary>
internal static class OptimisticConcurrency
{
    private const int MaxAttempts = 5;

    /// <summary>Tries until nobody else was first.</summary>
    /// <param name="what">What is written, for the failure's message.</param>
    /// <param name="attempt">Reads, changes and commits once.</param>
    /// <param name="maxAttempts">How often.</param>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
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
                // Or we ourselves were, where an answer was lost: a fresh read tells what is left to do.
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

    /// <summary>Whether a failure says that another writer was first. A table or container that is not there does not say so.</summary>
    public static bool IsConflict(Exception failure) => failure is ConcurrentChangeException
        || (failure is RequestFailedException { Status: 404 or 409 or 412 } answer
            && answer.ErrorCode != TableErrorCode.TableNotFound && answer.ErrorCode != BlobErrorCode.ContainerNotFound && answer.ErrorCode != TableErrorCode.TableBeingDeleted);
}
