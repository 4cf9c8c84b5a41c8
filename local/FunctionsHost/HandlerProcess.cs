using System.Diagnostics;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The handler's process, kept alive as the host keeps it.</summary>
internal sealed class HandlerProcess : IAsyncDisposable
{
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan CrashWindow = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly HostConfiguration _host;
    private readonly StandInHostOptions _options;
    private readonly Action<HostLog> _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _serving = NewSignal();
    private Process? _process;

    public HandlerProcess(HostConfiguration host, StandInHostOptions options, Action<HostLog> log) => (_host, _options, _log) = (host, options, log);

    /// <summary>The port that every incarnation of the handler listens on.</summary>
    public int Port { get; } = LoopbackPort.Free();

    public int? ProcessId { get; private set; }

    /// <summary>Set for good once the handler exited with 0: the host never starts it again.</summary>
    public bool Exited { get; private set; }

    /// <summary>Ends when no handler will be started any more; faults with <see cref="HandlerException"/> where that stops the host.</summary>
    public Task Supervision { get; private set; } = Task.CompletedTask;

    /// <summary>Starts the handler, and from now on starts it again.</summary>
    public void Start() => Supervision = Task.Run(SuperviseAsync);

    /// <summary>Returns once the handler answers.</summary>
    /// <exception cref="HandlerException">It never will.</exception>
    public Task WaitUntilServingAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_process is { HasExited: true })
                ServeNoMore();
            return _serving.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>SIGKILL, which is also how the host shuts a handler down.</summary>
    public void Kill()
    {
        lock (_gate)
        {
            // At once, so that no call goes to a handler that is about to be gone.
            ServeNoMore();
            if (_process is { HasExited: false })
                _process.Kill(entireProcessTree: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Kill();
        await Supervision.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task SuperviseAsync()
    {
        var crashes = new Queue<DateTimeOffset>();
        try
        {
            while (!_stopping.IsCancellationRequested)
            {
                var exitCode = await RunOnceAsync();
                if (_stopping.IsCancellationRequested)
                    break;
                if (exitCode == 0)
                {
                    Exited = true;
                    Fail(new HandlerException("The handler exited with code 0, which the host takes for the end: it is not started again, and every call fails."));
                    return;
                }
                var now = _options.Time.GetUtcNow();
                crashes.Enqueue(now);
                while (now - crashes.Peek() > CrashWindow)
                    crashes.Dequeue();
                Say(LogLevel.Error, $"The handler exited with code {exitCode} (crash {crashes.Count} of {_options.FatalCrash} allowed within {CrashWindow.TotalMinutes} minutes).");
                if (crashes.Count >= _options.FatalCrash)
                    throw new HandlerException($"The handler crashed {crashes.Count} times within {CrashWindow.TotalMinutes} minutes, last with exit code {exitCode}; the host stops.");
            }
            Fail(new HandlerException("The host was stopped."));
        }
        catch (Exception e)
        {
            Fail(e as HandlerException ?? new HandlerException($"The handler could not be run: {e.Message}", e));
            throw;
        }
    }

    private async Task<int> RunOnceAsync()
    {
        using var process = Launch();
        using var watchdog = Watchdog(process.Id);
        var output = Task.WhenAll(
            RelayAsync(process.StandardOutput, _ => LogLevel.Information),
            RelayAsync(process.StandardError, line => line.Contains("warn", StringComparison.OrdinalIgnoreCase) ? LogLevel.Warning : LogLevel.Error));
        var exit = process.WaitForExitAsync(CancellationToken.None);
        try
        {
            await ProbeAsync(exit);
            await exit;
            return process.ExitCode;
        }
        finally
        {
            Kill();
            await exit;
            watchdog?.Kill();
            // A grandchild may hold the pipes open; what the handler itself wrote is in them by now.
            await Task.WhenAny(output, Task.Delay(LastLines));
            lock (_gate)
            {
                (_process, ProcessId) = (null, null);
                ServeNoMore();
            }
        }
    }

    private Process Launch()
    {
        var start = new ProcessStartInfo(_host.Executable, _host.Arguments)
        {
            WorkingDirectory = _options.AppRoot,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _options.Settings)
            start.Environment[name] = value;
        start.Environment["FUNCTIONS_CUSTOMHANDLER_PORT"] = $"{Port}";
        start.Environment["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"] = $"{Guid.NewGuid()}";
        start.Environment["FUNCTIONS_APP_ROOT_PATH"] = _options.AppRoot;
        lock (_gate)
        {
            // Under the gate, so that a stop comes either before the start or has something to kill.
            _stopping.Token.ThrowIfCancellationRequested();
            _process = Process.Start(start)!;
            ProcessId = _process.Id;
            return _process;
        }
    }

    // If this process is killed outright, the pipe breaks and a shell ends the handler; nothing like it is cheap on Windows.
    private static Process? Watchdog(int handler) => OperatingSystem.IsWindows()
        ? null
        : Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "read -r _; kill -9 \"$1\" 2>/dev/null", "sh", $"{handler}"]) { RedirectStandardInput = true });

    // Any answer at all means ready.
    private async Task ProbeAsync(Task exit)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        timeout.CancelAfter(_host.InitializationTimeout);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, ActivityHeadersPropagator = null });
        while (!exit.IsCompleted)
        {
            try
            {
                using var answer = await client.GetAsync(new Uri($"http://127.0.0.1:{Port}/"), HttpCompletionOption.ResponseHeadersRead, timeout.Token);
                Say(LogLevel.Information, $"The handler answers on port {Port}.");
                lock (_gate)
                    _serving.TrySetResult();
                return;
            }
            catch (HttpRequestException)
            {
                await Task.WhenAny(exit, Task.Delay(ProbeInterval, timeout.Token));
            }
            catch (OperationCanceledException)
            {
                if (_stopping.IsCancellationRequested || exit.IsCompleted)
                    return;
                throw new HandlerException($"The handler did not answer GET / on 127.0.0.1:{Port} (FUNCTIONS_CUSTOMHANDLER_PORT) within {_host.InitializationTimeout}: see its output, and bind that very address.");
            }
        }
    }

    private async Task RelayAsync(StreamReader lines, Func<string, LogLevel> level)
    {
        while (await lines.ReadLineAsync() is { } line)
            _log(new HostLog(level(line), "handler", line));
    }

    private void Fail(HandlerException e)
    {
        if (!_stopping.IsCancellationRequested)
            Say(LogLevel.Critical, e.Message);
        lock (_gate)
        {
            ServeNoMore();
            _serving.TrySetException(e);
            _ = _serving.Task.Exception;
        }
    }

    private void ServeNoMore()
    {
        if (_serving.Task.IsCompletedSuccessfully)
            _serving = NewSignal();
    }

    private void Say(LogLevel level, string text) => _log(new HostLog(level, "host", text));

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
