using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Posts triggers to the handler and judges its answers.</summary>
internal sealed class TriggerInvoker(HandlerProcess handler, HostConfiguration host, StandInHostOptions options, ActivityCount activity, Action<HostLog> log) : IDisposable
{
    private const int LargestAnswer = 16 * 1024 * 1024;

    // Redirects are followed, as the host does: a handler must never send one.
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = LargestAnswer,
    };

    /// <summary>Calls the function once; never throws for what the handler does.</summary>
    /// <exception cref="OperationCanceledException">The host stops.</exception>
    public async Task<Invocation> InvokeAsync(string function, TriggerKind trigger, byte[] payload, CancellationToken cancellationToken)
    {
        using var active = activity.Begin();
        var id = Guid.NewGuid();
        var started = options.Time.GetUtcNow();
        var clock = Stopwatch.StartNew();
        var (status, error) = await CallAsync(function, id, payload, cancellationToken);
        var invocation = new Invocation(id, function, trigger, status, started, clock.Elapsed, null, error);
        if (status != InvocationStatus.Succeeded)
            log(new HostLog(status == InvocationStatus.ContractBreach ? LogLevel.Critical : LogLevel.Error, "host", $"{function} failed: {error}"));
        options.OnInvocation?.Invoke(invocation);
        return invocation;
    }

    public void Dispose() => _client.Dispose();

    private async Task<(InvocationStatus, string?)> CallAsync(string function, Guid id, byte[] payload, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(host.FunctionTimeout);
        try
        {
            await handler.WaitUntilServingAsync(timeout.Token);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{handler.Port}/{function}");
            request.Headers.Add(HostHeaders.HostVersion, HostHeaders.Version);
            request.Headers.Add(HostHeaders.InvocationId, id.ToString());
            request.Headers.UserAgent.ParseAdd(HostHeaders.UserAgent);
            request.Headers.TransferEncodingChunked = true;
            request.Content = new ByteArrayContent(payload) { Headers = { ContentType = new MediaTypeHeaderValue("application/json", "utf-8") } };
            using var answer = await _client.SendAsync(request, timeout.Token);
            return Judge(function, answer, await answer.Content.ReadAsByteArrayAsync(timeout.Token));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            handler.Kill();
            return (InvocationStatus.Failed, $"No answer within functionTimeout ({host.FunctionTimeout}); the handler was killed.");
        }
        catch (HttpRequestException e)
        {
            return (InvocationStatus.Failed, $"The handler broke the call off: {e.Message}");
        }
        catch (HandlerException e)
        {
            return (InvocationStatus.Failed, e.Message);
        }
    }

    private (InvocationStatus, string?) Judge(string function, HttpResponseMessage answer, byte[] body)
    {
        if (!answer.IsSuccessStatusCode)
            return (InvocationStatus.Failed, $"The handler answered {(int)answer.StatusCode}.");
        if (body.Length == 0)
            return (InvocationStatus.ContractBreach, Hang($"an empty {(int)answer.StatusCode}"));
        if (answer.Content.Headers.ContentType?.MediaType is not ("application/json" or "text/json"))
            return (InvocationStatus.Failed, $"The handler answered {answer.Content.Headers.ContentType?.ToString() ?? "without Content-Type"}; the host reads application/json only.");
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Null)
                return (InvocationStatus.ContractBreach, Hang("the JSON value null"));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return (InvocationStatus.Failed, $"The handler answered a JSON {document.RootElement.ValueKind}; the host expects an object ({{}} is enough).");
            if (document.RootElement.TryAt(out var lines, "Logs") && lines.ValueKind == JsonValueKind.Array)
            {
                foreach (var line in lines.EnumerateArray())
                    log(new HostLog(LogLevel.Information, function, line.ToString()));
            }
            return (InvocationStatus.Succeeded, null);
        }
        catch (JsonException e)
        {
            return (InvocationStatus.Failed, $"The handler's answer is no JSON: {e.Message}");
        }
    }

    private string Hang(string what) =>
        $"Contract breach: the handler answered {what}. In Azure the invocation would hang until functionTimeout ({host.FunctionTimeout}) and the handler be killed; answer 200 with application/json and {{}}.";
}
