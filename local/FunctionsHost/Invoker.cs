using StsFunctions.Local.FunctionsHost.Rpc;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Invokes functions: over the worker's stream, and for HTTP by the proxy at the same time.</summary>
internal sealed class Invoker(
    WorkerProcess worker, HttpProxy proxy, HostConfiguration host, FunctionsHostEmulatorOptions timing, Executions executions, ActivityCount activity, Action<HostLog> log)
{
    /// <summary>Invokes a function once; a fault of the worker never throws.</summary>
    /// <exception cref="OperationCanceledException">The host stops.</exception>
    public Task<Invocation> InvokeAsync(
        FunctionDefinition function, string reason, TypedData input, IReadOnlyDictionary<string, TypedData>? metadata, CancellationToken cancellationToken) =>
        RunAsync(function, reason, input, metadata, http: null, cancellationToken);

    /// <summary>Invokes a function for a request, and answers it.</summary>
    public Task<Invocation> InvokeAsync(FunctionDefinition function, HttpContext http) =>
        // A client that disconnects cancels the request, not the invocation: the worker is notified and reports the result.
        RunAsync(function, Executions.ByApi, new TypedData { Http = new RpcHttp() }, metadata: null, http, CancellationToken.None);

    private async Task<Invocation> RunAsync(
        FunctionDefinition function, string reason, TypedData input, IReadOnlyDictionary<string, TypedData>? metadata, HttpContext? http, CancellationToken cancellationToken)
    {
        using var active = activity.Begin();
        var request = new InvocationRequest
        {
            InvocationId = Guid.NewGuid().ToString(),
            TraceContext = new RpcTraceContext { TraceParent = http?.Request.Headers.TraceParent.ToString() ?? "" },
        };
        request.InputData.Add(new ParameterBinding { Name = function.Trigger.Binding, Data = input });
        if (metadata is not null)
        {
            request.TriggerMetadata.Add(metadata.ToDictionary());
        }

        var began = timing.Time.GetTimestamp();
        executions.Started(request.InvocationId, function.Name, reason);
        log(new HostLog(LogLevel.Information, "host", $"Executing 'Functions.{function.Name}' (Reason='{reason}', Id={request.InvocationId})"));
        var error = await CallAsync(function, request, http, cancellationToken);
        if (http is not null && error is not null && !http.Response.HasStarted)
        {
            http.Response.Clear();
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }

        var invocation = new Invocation(request.InvocationId, function.Name, error is null, timing.Time.GetElapsedTime(began)) { HttpStatus = http?.Response.StatusCode, Error = error };
        log(new HostLog(
            error is null ? LogLevel.Information : LogLevel.Error,
            "host",
            FormattableString.Invariant($"Executed 'Functions.{function.Name}' ({(error is null ? "Succeeded" : "Failed")}, Id={invocation.Id}, Duration={invocation.Duration.TotalMilliseconds:0}ms)") + (error is null ? "" : $" {error}")));
        executions.Finished(invocation);
        return invocation;
    }

    // Wait for a worker that restarts. Without one the host ends, and its message remains on the queue: its function has not failed.
    private async Task<WorkerChannel> GetWorkerAsync(bool isMessage, CancellationToken cancellationToken)
    {
        try
        {
            return await worker.GetAsync(cancellationToken);
        }
        catch (WorkerException e) when (isMessage)
        {
            throw new OperationCanceledException(e.Message, e);
        }
    }

    /// <summary>Returns why the invocation failed, or null.</summary>
    private async Task<string?> CallAsync(FunctionDefinition function, InvocationRequest request, HttpContext? http, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(host.FunctionTimeout);
        var proxying = Task.FromResult<string?>(null);
        try
        {
            var channel = await GetWorkerAsync(isMessage: http is null, limit.Token);
            request.FunctionId = worker.IdOf(function.Name);
            var answering = channel.InvokeAsync(request);
            if (http is not null)
            {
                proxying = proxy.ForwardAsync(http, channel, request.InvocationId);
            }

            try
            {
                var result = await answering.WaitAsync(limit.Token);
                if (result.Status != StatusResult.Types.Status.Success)
                {
                    return result.Exception?.Message ?? $"the worker answered {result.Status}";
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                channel.Cancel(request.InvocationId);
                await Task.WhenAny(answering, Task.Delay(timing.TimeoutGrace, cancellationToken));
                if (!answering.IsCompleted)
                {
                    worker.KillAfterTimeout(channel);
                }

                return $"functionTimeout ({host.FunctionTimeout}) was exceeded";
            }

            return await proxying;
        }
        catch (WorkerException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return $"there was no worker within functionTimeout ({host.FunctionTimeout})";
        }
        finally
        {
            // It ends with the worker, with the client, or with the response; until then it owns the request.
            await proxying;
        }
    }
}
