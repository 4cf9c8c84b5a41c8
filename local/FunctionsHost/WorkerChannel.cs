using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using StsFunctions.Local.FunctionsHost.Rpc;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The conversation with one worker: StartStream from the worker, then requests of the host, each answered under its id.</summary>
internal sealed class WorkerChannel(string id, Action<HostLog> log) : IDisposable
{
    private readonly Channel<StreamingMessage> _outgoing = Channel.CreateUnbounded<StreamingMessage>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StreamingMessage>> _open = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _gone = new();
    private WorkerException? _end;

    /// <summary>The id that the worker was started with, and announces itself by.</summary>
    public string Id => id;

    /// <summary>Ends when the worker has announced itself.</summary>
    public Task Started => _started.Task;

    /// <summary>Cancelled when the conversation is over.</summary>
    public CancellationToken Gone => _gone.Token;

    /// <summary>Where the worker's own HTTP server is; null for a worker that has none.</summary>
    public Uri? HttpUri { get; private set; }

    /// <summary>Introduces the host and receives the address of the worker's HTTP server.</summary>
    /// <exception cref="WorkerException">The worker refused, or has ended.</exception>
    public async Task InitializeAsync(string appRoot)
    {
        var request = new WorkerInitRequest { HostVersion = FunctionsHostEmulator.HostVersion, WorkerDirectory = appRoot, FunctionAppDirectory = appRoot };
        request.Capabilities.Add("HttpUri", "true");
        var response = (await AskAsync(new StreamingMessage { WorkerInitRequest = request })).WorkerInitResponse;
        Check(response.Result, "could not be initialized");
        HttpUri = response.Capabilities.TryGetValue("HttpUri", out var uri) ? new Uri(uri) : null;
    }

    /// <summary>Asks for the app's functions.</summary>
    /// <exception cref="WorkerException">The worker could not list them, or has ended.</exception>
    public async Task<IReadOnlyList<RpcFunctionMetadata>> ListFunctionsAsync(string appRoot)
    {
        var request = new FunctionsMetadataRequest { FunctionAppDirectory = appRoot };
        var response = (await AskAsync(new StreamingMessage { FunctionsMetadataRequest = request })).FunctionMetadataResponse;
        Check(response.Result, "could not list its functions");
        return response.FunctionMetadataResults;
    }

    /// <summary>Makes the worker ready for invocations of a function.</summary>
    /// <exception cref="WorkerException">The worker could not load it, or has ended.</exception>
    public async Task LoadAsync(RpcFunctionMetadata function)
    {
        var metadata = new RpcFunctionMetadata { Name = function.Name, Directory = function.Directory, EntryPoint = function.EntryPoint, ScriptFile = function.ScriptFile };
        metadata.Bindings.Add(function.Bindings);
        var request = new FunctionLoadRequest { FunctionId = function.FunctionId, Metadata = metadata };
        Check((await AskAsync(new StreamingMessage { FunctionLoadRequest = request })).FunctionLoadResponse.Result, $"could not load {function.Name}");
    }

    /// <summary>Invokes a function, and returns how that ended.</summary>
    /// <exception cref="WorkerException">The worker has ended.</exception>
    public async Task<StatusResult> InvokeAsync(InvocationRequest request) =>
        (await AskAsync(new StreamingMessage { InvocationRequest = request })).InvocationResponse.Result ?? new StatusResult();

    /// <summary>Asks the worker to cancel an invocation; it still answers.</summary>
    public void Cancel(string invocationId) =>
        _outgoing.Writer.TryWrite(new StreamingMessage { InvocationCancel = new InvocationCancel { InvocationId = invocationId } });

    /// <summary>Ends the conversation: open requests fail with this.</summary>
    public void Close(WorkerException reason)
    {
        if (Interlocked.CompareExchange(ref _end, reason, null) is not null)
        {
            return;
        }

        // In this order: a later request observes the end itself, and every earlier one is in the table.
        _outgoing.Writer.Complete();
        _started.TrySetException(reason);
        _ = _started.Task.Exception;
        foreach (var (request, _) in _open)
        {
            if (_open.TryRemove(request, out var answer))
            {
                answer.TrySetException(reason);
            }
        }

        _gone.Cancel();
    }

    /// <summary>Exchanges messages until one side ends the stream.</summary>
    public async Task RunAsync(IAsyncStreamReader<StreamingMessage> incoming, IServerStreamWriter<StreamingMessage> outgoing, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = WriteAsync(outgoing, over.Token);
        try
        {
            _started.TrySetResult();
            while (await incoming.MoveNext(cancellationToken))
            {
                Receive(incoming.Current);
            }
        }
        catch (Exception e) when (e is IOException or Grpc.Core.RpcException or InvalidOperationException or OperationCanceledException)
        {
            // A killed worker ends its stream like this.
        }
        finally
        {
            Close(new WorkerException("The worker disconnected."));
            await over.CancelAsync();
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose() => _gone.Dispose();

    private async Task<StreamingMessage> AskAsync(StreamingMessage message)
    {
        var answer = new TaskCompletionSource<StreamingMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        message.RequestId = Guid.NewGuid().ToString();
        _open[message.RequestId] = answer;
        if (!_outgoing.Writer.TryWrite(message))
        {
            _open.TryRemove(message.RequestId, out _);
            throw _end!;
        }

        return await answer.Task;
    }

    private async Task WriteAsync(IServerStreamWriter<StreamingMessage> outgoing, CancellationToken cancellationToken)
    {
        await foreach (var message in _outgoing.Reader.ReadAllAsync(cancellationToken))
        {
            await outgoing.WriteAsync(message, cancellationToken);
        }
    }

    private void Receive(StreamingMessage message)
    {
        if (message.RpcLog is { } entry)
        {
            var text = entry.Exception is { Message.Length: > 0 } exception ? $"{entry.Message} {exception.Message}" : entry.Message;
            log(new HostLog((LogLevel)entry.Level, entry.Category, text));
        }
        else if (_open.TryRemove(message.RequestId, out var answer))
        {
            answer.TrySetResult(message);
        }
    }

    private static void Check(StatusResult? result, string what)
    {
        if (result?.Status != StatusResult.Types.Status.Success)
        {
            throw new WorkerException($"The worker {what}: {result?.Exception?.Message ?? result?.Result}");
        }
    }
}
