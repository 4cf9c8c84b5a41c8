using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The host's own API, <c>/admin</c>.</summary>
internal sealed class AdminClient(Func<Uri> address, string? key, Executions executions, IReadOnlyList<string> timers) : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, ActivityHeadersPropagator = null }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _turns = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Runs a timer function now, after a run that was asked for before.</summary>
    public async Task InvokeTimerAsync(string name, CancellationToken cancellationToken)
    {
        if (!timers.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"No timer function is named '{name}'; there are: {string.Join(", ", timers)}.", nameof(name));
        }

        var turn = _turns.GetOrAdd(name, _ => new SemaphoreSlim(1, 1));
        await turn.WaitAsync(cancellationToken);
        try
        {
            var end = executions.NextByApi(name);
            using var request = Request(HttpMethod.Post, $"admin/functions/{name}");
            request.Content = JsonContent.Create(new JsonObject { ["input"] = "" });
            using var answer = await _client.SendAsync(request, cancellationToken);
            if (answer.StatusCode != HttpStatusCode.Accepted)
            {
                throw new WorkerException($"{name}: the host answered {(int)answer.StatusCode} to POST {request.RequestUri?.AbsolutePath}.");
            }

            var invocation = await end.WaitAsync(cancellationToken);
            if (!invocation.Succeeded)
            {
                throw new WorkerException($"{name} failed: {invocation.Error ?? "see the host's log"}");
            }
        }
        catch (HttpRequestException e)
        {
            throw new WorkerException($"{name}: the host does not answer: {e.Message}", e);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Whether the host answers, and runs the app's functions.</summary>
    public async Task<bool> IsRunningAsync(CancellationToken cancellationToken) =>
        (string?)(await GetAsync("admin/host/status", cancellationToken))?["state"] == "Running";

    /// <summary>The number of running invocations; null if the host does not answer.</summary>
    public async Task<int?> CountInvocationsAsync(CancellationToken cancellationToken) =>
        (int?)(await GetAsync("admin/host/drain/status", cancellationToken))?["outstandingInvocations"];

    // The semaphores are not disposed: one may still be in use, and none holds a resource.
    public void Dispose() => _client.Dispose();

    private async Task<JsonObject?> GetAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            using var request = Request(HttpMethod.Get, path);
            using var answer = await _client.SendAsync(request, cancellationToken);
            return answer.IsSuccessStatusCode ? await answer.Content.ReadFromJsonAsync<JsonObject>(cancellationToken) : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private HttpRequestMessage Request(HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, new Uri(address(), path));
        if (key is not null)
        {
            request.Headers.Add("x-functions-key", key);
        }

        return request;
    }
}
