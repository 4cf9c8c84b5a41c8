namespace StsFunctions.Storage;

/// <summary>Another writer changed the same domain first; nothing of this change was stored. Retry it from a fresh read.</summary>
internal sealed class ConcurrentChangeException(string partition, Exception? cause = null)
    : Exception($"{partition} was changed by another writer at the same time; nothing of this change was stored. Do it again.", cause);
