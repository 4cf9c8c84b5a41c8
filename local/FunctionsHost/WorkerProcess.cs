using System.Diagnostics;
using System.Net.Sockets;
using StsFunctions.Local.FunctionsHost.Rpc;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The worker's process, which is restarted as the host does it.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    // Failures further apart than this are forgotten.
    private static readonly TimeSpan FailureWindow = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly WorkerConfiguration _worker;
    private readonly FunctionsHostOptions _options;
    private readonly FunctionsHostEmulatorOptions _timing;
    private readonly RpcServer _server;
    private readonly Action<HostLog> _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource<WorkerChannel> _ready = NewSignal();
    private IReadOnlyList<RpcFunctionMetadata>? _functions;
    private Process? _process;
    private WorkerChannel? _channel;
    private bool _timedOut;

    public WorkerProcess(WorkerConfiguration worker, FunctionsHostOptions options, FunctionsHostEmulatorOptions timing, RpcServer server, Action<HostLog> log) =>
        (_worker, _options, _timing, _server, _log) = (worker, options, timing, server, log);

    public int? ProcessId { get; private set; }

    /// <summary>Where the worker's HTTP server is; null while there is none.</summary>
    public Uri? HttpUri
    {
        get
        {
            lock (_gate)
            {
                return _ready.Task.IsCompletedSuccessfully ? _ready.Task.Result.HttpUri : null;
            }
        }
    }

    /// <summary>The functions, as the first worker listed them.</summary>
    public IReadOnlyList<RpcFunctionMetadata> Functions => _functions ?? throw new InvalidOperationException("No worker has listed its functions yet.");

    /// <summary>The worker's id of a function.</summary>
    public string IdOf(string function) => Functions.First(candidate => candidate.Name == function).FunctionId;

    /// <summary>Ends when no worker will be started any more; faults with <see cref="WorkerException"/> where that stops the host.</summary>
    public Task Supervision { get; private set; } = Task.CompletedTask;

    /// <summary>Starts the worker, and from now on starts it again.</summary>
    public void Start() => Supervision = Task.Run(SuperviseAsync);

    /// <summary>Returns a worker that has loaded the functions.</summary>
    /// <exception cref="WorkerException">No worker will start.</exception>
    public Task<WorkerChannel> GetAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_process is { HasExited: true })
            {
                ServeNoMore();
            }

            return _ready.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>SIGKILL, which is also how the host ends a worker.</summary>
    public void Kill() => Kill(null, "The worker was killed.");

    /// <summary>Ends the worker if it is still this one, for an invocation that does not end: that is no failure of the worker.</summary>
    public void KillAfterTimeout(WorkerChannel channel) => Kill(channel, "A function exceeded functionTimeout, and the worker was killed.");

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Kill();
        await Supervision.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private void Kill(WorkerChannel? only, string reason)
    {
        WorkerChannel? channel;
        lock (_gate)
        {
            if (only is not null && only != _channel)
            {
                return;
            }

            _timedOut |= only is not null;
            // At once, so that no invocation is sent to a worker that is being killed.
            ServeNoMore();
            if (_process is { HasExited: false })
            {
                _process.Kill(entireProcessTree: true);
            }

            channel = _channel;
        }

        channel?.Close(new WorkerException(reason));
    }

    private async Task SuperviseAsync()
    {
        var failures = new List<DateTimeOffset>();
        var nextRestart = DateTimeOffset.MinValue;
        try
        {
            for (var isFirst = true; !_stopping.IsCancellationRequested; isFirst = false)
            {
                if (!isFirst)
                {
                    // The first restart is immediate; the next one waits for the start timeout of the worker.
                    var wait = nextRestart - _timing.Time.GetUtcNow();
                    if (wait > TimeSpan.Zero)
                    {
                        await Task.Delay(wait, _timing.Time, _stopping.Token);
                    }

                    nextRestart = _timing.Time.GetUtcNow() + _timing.WorkerRestartDelay;
                }

                var end = await RunOnceAsync();
                if (_stopping.IsCancellationRequested)
                {
                    break;
                }

                if (_timedOut)
                {
                    _timedOut = false;
                    continue;
                }

                var now = _timing.Time.GetUtcNow();
                if (failures.Count > 0 && now - failures[^1] > FailureWindow)
                {
                    failures.Clear();
                }

                failures.Add(now);
                WriteLog(LogLevel.Error, $"{end} (failure {failures.Count}; the host stops at {_timing.FatalFailure}).");
                if (failures.Count >= _timing.FatalFailure)
                {
                    throw new WorkerException($"The worker failed {failures.Count} times, and the host stops. {end}.");
                }
            }

            Fail(new WorkerException("The host was stopped."));
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            Fail(new WorkerException("The host was stopped."));
        }
        catch (Exception e)
        {
            Fail(e as WorkerException ?? new WorkerException($"The worker could not be run: {e.Message}", e));
            throw;
        }
    }

    /// <summary>Runs one worker until it ends, and returns how it ended.</summary>
    private async Task<string> RunOnceAsync()
    {
        using var channel = new WorkerChannel(Guid.NewGuid().ToString(), _log);
        _server.Expect(channel);
        using var process = Launch(channel);
        using var watchdog = ProcessTree.Watch(process.Id);
        var output = Task.WhenAll(
            RelayAsync(process.StandardOutput, _ => LogLevel.Information),
            RelayAsync(process.StandardError, line => line.Contains("warn", StringComparison.OrdinalIgnoreCase) ? LogLevel.Warning : LogLevel.Error));
        // Only the worker's own end counts: a grandchild may hold its pipes open.
        var exit = process.WaitForExitAsync(CancellationToken.None);
        string? fault = null;
        try
        {
            fault = await PrepareAsync(channel, exit);
            if (fault is null)
            {
                lock (_gate)
                {
                    if (!process.HasExited && !channel.Gone.IsCancellationRequested)
                    {
                        _ready.TrySetResult(channel);
                    }
                }

                // A worker without a stream cannot work, even if it runs.
                await Task.WhenAny(exit, Task.Delay(Timeout.Infinite, channel.Gone));
            }
        }
        finally
        {
            Kill(null, "The worker disconnected.");
            await exit;
            _server.Forget(channel);
            watchdog?.Kill();
            await Task.WhenAny(output, Task.Delay(LastLines));
            lock (_gate)
            {
                (_process, _channel, ProcessId) = (null, null, null);
                ServeNoMore();
            }
        }

        return fault is null ? $"The worker exited with code {process.ExitCode}" : $"{fault} (exit code {process.ExitCode})";
    }

    private Process Launch(WorkerChannel channel)
    {
        var request = Guid.NewGuid().ToString();
        var longest = $"{int.MaxValue}";
        var start = new ProcessStartInfo(
            _worker.Executable,
            [
                .. _worker.Arguments,
                "--host", _server.Address.Host, "--port", $"{_server.Address.Port}", "--workerId", channel.Id, "--requestId", request, "--grpcMaxMessageLength", longest,
                "--functions-uri", _server.Address.AbsoluteUri, "--functions-worker-id", channel.Id, "--functions-request-id", request, "--functions-grpc-max-message-length", longest,
            ])
        {
            WorkingDirectory = _options.AppRoot,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _options.Settings)
        {
            start.Environment[name] = value;
        }

        start.Environment["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated";
        start.Environment["FUNCTIONS_WORKER_DIRECTORY"] = _options.AppRoot;
        start.Environment["FUNCTIONS_APPLICATION_DIRECTORY"] = _options.AppRoot;
        lock (_gate)
        {
            // Under the lock, so that a stop either precedes the start or has a process to kill.
            _stopping.Token.ThrowIfCancellationRequested();
            _process = Process.Start(start)!;
            (_channel, ProcessId) = (channel, _process.Id);
            return _process;
        }
    }

    /// <summary>Makes the worker ready for invocations; returns why that failed, or null.</summary>
    private async Task<string?> PrepareAsync(WorkerChannel channel, Task exit)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(_timing.WorkerStartTimeout);
        try
        {
            await await Task.WhenAny(exit, channel.Started).WaitAsync(timeout.Token);
            if (!channel.Started.IsCompletedSuccessfully)
            {
                return "The worker exited before it called the host";
            }

            await IntroduceAsync(channel).WaitAsync(timeout.Token);
            if (channel.HttpUri is { } http)
            {
                await ProbeAsync(http, exit, timeout.Token);
            }

            WriteLog(LogLevel.Information, $"The worker is ready (process {ProcessId}).");
            return null;
        }
        catch (WorkerException e)
        {
            return $"The worker did not start: {e.Message}";
        }
        catch (OperationCanceledException)
        {
            return _stopping.IsCancellationRequested ? "The host was stopped" : $"The worker was not ready within {_timing.WorkerStartTimeout}";
        }
    }

    private async Task IntroduceAsync(WorkerChannel channel)
    {
        await channel.InitializeAsync(_options.AppRoot);
        _functions ??= await channel.ListFunctionsAsync(_options.AppRoot);
        await Task.WhenAll(_functions.Select(channel.LoadAsync));
    }

    // The worker calls the host before its own HTTP server listens.
    private static async Task ProbeAsync(Uri http, Task exit, CancellationToken cancellationToken)
    {
        while (!exit.IsCompleted)
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(http.Host, http.Port, cancellationToken);
                return;
            }
            catch (SocketException)
            {
                await Task.WhenAny(exit, Task.Delay(ProbeInterval, cancellationToken));
            }
        }
    }

    private async Task RelayAsync(StreamReader lines, Func<string, LogLevel> level)
    {
        while (await lines.ReadLineAsync() is { } line)
        {
            _log(new HostLog(level(line), "worker", line));
        }
    }

    private void Fail(WorkerException e)
    {
        if (!_stopping.IsCancellationRequested)
        {
            WriteLog(LogLevel.Critical, e.Message);
        }

        lock (_gate)
        {
            ServeNoMore();
            _ready.TrySetException(e);
            _ = _ready.Task.Exception;
        }
    }

    private void ServeNoMore()
    {
        if (_ready.Task.IsCompletedSuccessfully)
        {
            _ready = NewSignal();
        }
    }

    private void WriteLog(LogLevel level, string text) => _log(new HostLog(level, "host", text));

    private static TaskCompletionSource<WorkerChannel> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
