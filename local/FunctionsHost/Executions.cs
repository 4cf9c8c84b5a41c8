using System.Collections.Concurrent;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The running invocations of the host, and the callers that wait for one that an administrator started.</summary>
internal sealed class Executions(Action<Invocation>? onInvocation)
{
    /// <summary>The host's reason for an invocation that its API started.</summary>
    public const string ByApi = "This function was programmatically called via the host APIs.";

    private readonly ConcurrentDictionary<string, TaskCompletionSource<Invocation>> _awaited = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<Invocation>> _next = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The end of the next invocation of a function that the API starts; one at a time for a function.</summary>
    public Task<Invocation> NextByApi(string function)
    {
        var end = new TaskCompletionSource<Invocation>(TaskCreationOptions.RunContinuationsAsynchronously);
        _next[function] = end;
        return end.Task;
    }

    public void Started(string id, string function, string reason)
    {
        if (reason == ByApi && _next.TryRemove(function, out var end))
        {
            _awaited[id] = end;
        }
    }

    public void Finished(Invocation invocation)
    {
        onInvocation?.Invoke(invocation);
        if (_awaited.TryRemove(invocation.Id, out var end))
        {
            end.TrySetResult(invocation);
        }
    }

    /// <summary>The host has ended, and all running invocations with it.</summary>
    public void Lost(WorkerException reason)
    {
        foreach (var waiting in (ConcurrentDictionary<string, TaskCompletionSource<Invocation>>[])[_awaited, _next])
        {
            foreach (var key in waiting.Keys)
            {
                if (waiting.TryRemove(key, out var end))
                {
                    end.TrySetException(reason);
                }
            }
        }
    }
}
