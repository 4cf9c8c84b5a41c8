using System.Collections.Concurrent;
using System.CommandLine.Parsing;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Azure.Storage.Queues;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>A real Azure Functions host, as Core Tools bring one, in a process of its own.</summary>
/// <remarks>It is started again when it ends, as in Azure. Its running invocations are read from its log lines
/// <c>Executing 'Functions.NAME'</c> and <c>Executed 'Functions.NAME'</c>, which every host writes.</remarks>
public sealed partial class FunctionsHostProcess : IFunctionsHost
{
    private const int FatalStart = 3;
    private const int MaxStoredLines = 40;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);
    // Between its removal from the queue and the start of its invocation, a message is in neither.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(1);

    private readonly FunctionsHostOptions _options;
    private readonly string _command;
    private readonly IReadOnlyList<QueueClient> _queues;
    private readonly IReadOnlyList<string> _timers;
    private readonly Executions _executions;
    private readonly AdminClient _admin;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly ConcurrentDictionary<int, byte> _killed = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _stopTurn = new(1, 1);
    private readonly Lock _gate = new();
    private HttpsFrontEnd? _https;
    private Process? _process;
    private bool _isRunning;
    private bool _stopped;

    private FunctionsHostProcess(FunctionsHostOptions options, string command, IReadOnlyList<FunctionDefinition> functions)
    {
        (_options, _command) = (options, command);
        Functions = [.. functions.Select(function => function.Name)];
        _timers = [.. functions.Where(function => function.Trigger is TimerTrigger).Select(function => function.Name)];
        _queues = [.. functions.Where(function => !function.IsDisabled).Select(function => function.Trigger).OfType<QueueTrigger>().Select(trigger => new QueueClient(trigger.ConnectionString, trigger.Queue))];
        HttpAddress = new Uri($"http://127.0.0.1:{(options.HttpPort > 0 ? options.HttpPort : LoopbackPort.Free())}");
        _executions = new Executions(options.OnInvocation);
        _admin = new AdminClient(() => HttpAddress, options.AdminKey, _executions, _timers);
    }

    /// <inheritdoc/>
    public HostCapabilities Capabilities => OperatingSystem.IsLinux() ? HostCapabilities.KillWorker : HostCapabilities.None;

    /// <inheritdoc/>
    public IReadOnlyList<string> Functions { get; }

    /// <inheritdoc/>
    public Uri HttpAddress { get; }

    /// <inheritdoc/>
    public Uri? HttpsAddress => _https?.Address;

    /// <summary>The host's process; null while there is none.</summary>
    public int? HostProcessId
    {
        get
        {
            lock (_gate)
            {
                return _process is { HasExited: false } ? _process.Id : null;
            }
        }
    }

    /// <inheritdoc/>
    public int? WorkerProcessId => OperatingSystem.IsLinux() && HostProcessId is { } host
        ? ProcessTree.Descendants(host).Where(IsWorker).Select(id => (int?)id).FirstOrDefault()
        : null;

    /// <inheritdoc/>
    public Uri? WorkerAddress => null;

    /// <inheritdoc/>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Starts a host, and returns once it runs the app's functions.</summary>
    /// <param name="options">What it runs.</param>
    /// <param name="command">The command line that starts it in the app's folder, such as <c>func start --port {port}</c>: <c>{port}</c>
    /// is the port that it must listen on, <c>{app}</c> the app's folder. No shell interprets it.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidDataException">The folder contains no isolated worker.</exception>
    /// <exception cref="WorkerException">The host did not start.</exception>
    public static async Task<FunctionsHostProcess> StartAsync(FunctionsHostOptions options, string command, CancellationToken cancellationToken)
    {
        options = options with { AppRoot = Path.GetFullPath(options.AppRoot) };
        var host = new FunctionsHostProcess(options, command, ReadFunctions(options));
        try
        {
            host.Ended = host.SuperviseAsync();
            await host.WaitUntilRunningAsync(cancellationToken);
            host._https = await HttpsFrontEnd.StartAsync(options, host.HttpAddress, cancellationToken);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public void KillWorker()
    {
        if (!Capabilities.HasFlag(HostCapabilities.KillWorker))
        {
            throw new NotSupportedException("The worker of a host in another process can be found on Linux only.");
        }

        if (WorkerProcessId is not { } worker)
        {
            return;
        }

        _killed.TryAdd(worker, 0);
        ProcessTree.Kill(worker);
    }

    /// <inheritdoc/>
    public async Task WaitForWorkerAsync(CancellationToken cancellationToken)
    {
        // Only the host knows whether it has loaded its functions; requests and messages wait until then.
        await WaitUntilRunningAsync(cancellationToken);
        while (Capabilities.HasFlag(HostCapabilities.KillWorker) && WorkerProcessId is null)
        {
            if (Ended.IsCompleted)
            {
                await Ended;
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public Task InvokeTimerAsync(string name, CancellationToken cancellationToken) => _admin.InvokeTimerAsync(name, cancellationToken);

    /// <inheritdoc/>
    public async Task WhenIdleAsync(bool ignoreDelayed, CancellationToken cancellationToken)
    {
        long? quiet = null;
        while (true)
        {
            if (Ended.IsFaulted)
            {
                await Ended;
            }
            // Twice: a message from one function to the next is on some queue at one of two polls.
            if (await IsQuietAsync(evenLater: true, cancellationToken) && await IsQuietAsync(evenLater: true, cancellationToken))
            {
                return;
            }

            if (!ignoreDelayed || !await IsQuietAsync(evenLater: false, cancellationToken))
            {
                quiet = null;
            }
            else if (quiet is null)
            {
                quiet = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(quiet.Value) > Settled)
            {
                return;
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task StopAsync()
    {
        await _stopTurn.WaitAsync();
        try
        {
            if (_stopped)
            {
                return;
            }

            _stopped = true;
            await _stopping.CancelAsync();
            KillHost();
            await Ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_https is not null)
            {
                await _https.DisposeAsync();
            }

            _executions.Lost(new WorkerException("The host was stopped."));
            _admin.Dispose();
        }
        finally
        {
            _stopTurn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync();

    // The build of an isolated worker writes the metadata that the worker will send to the host.
    private static IReadOnlyList<FunctionDefinition> ReadFunctions(FunctionsHostOptions options)
    {
        var path = Path.Combine(options.AppRoot, "functions.metadata");
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path} is missing: give the folder that holds the published app.");
        }

        var configuration = HostConfiguration.Read(options.AppRoot);
        using var document = HostJson.Parse(path);
        return [.. document.RootElement.EnumerateArray().Select(function => FunctionDefinition.Read(function.Text("name")!, function.GetProperty("bindings").EnumerateArray(), configuration, options.Settings))];
    }

    private async Task SuperviseAsync()
    {
        for (var failedStarts = 0; !_stopping.IsCancellationRequested;)
        {
            var wasRunning = await RunOnceAsync();
            failedStarts = wasRunning ? 0 : failedStarts + 1;
            if (failedStarts >= FatalStart && !_stopping.IsCancellationRequested)
            {
                throw new WorkerException($"The host ended {FatalStart} times before it ran the functions. Its last lines:\n{string.Join('\n', _lines)}");
            }
        }
    }

    /// <summary>Runs the host until it ends; returns whether it ever ran the functions.</summary>
    private async Task<bool> RunOnceAsync()
    {
        using var process = Launch();
        using var watchdog = ProcessTree.Watch(process.Id);
        var output = Task.WhenAll(RelayAsync(process.StandardOutput, LogLevel.Information), RelayAsync(process.StandardError, LogLevel.Error));
        var exit = process.WaitForExitAsync(CancellationToken.None);
        var wasRunning = false;
        try
        {
            wasRunning = await BecomesRunningAsync(exit);
            if (wasRunning)
            {
                await exit;
            }
        }
        finally
        {
            KillHost();
            await exit;
            watchdog?.Kill();
            await Task.WhenAny(output, Task.Delay(LastLines));
            lock (_gate)
            {
                (_process, _isRunning) = (null, false);
            }

            _executions.Lost(new WorkerException("The host has ended."));
        }

        if (!_stopping.IsCancellationRequested)
        {
            Log(LogLevel.Error, $"The host ended with code {process.ExitCode}; it is started again.");
        }

        return wasRunning;
    }

    private Process Launch()
    {
        var words = CommandLineParser.SplitCommandLine(_command)
            .Select(word => word.Replace("{port}", $"{HttpAddress.Port}", StringComparison.Ordinal).Replace("{app}", _options.AppRoot, StringComparison.Ordinal))
            .ToList();
        var start = new ProcessStartInfo(words[0], words[1..]) { WorkingDirectory = _options.AppRoot, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in _options.Settings)
        {
            start.Environment[name] = value;
        }

        start.Environment["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated";
        start.Environment["AzureWebJobsScriptRoot"] = _options.AppRoot;
        // The lines that show what runs.
        start.Environment["AzureFunctionsJobHost__logging__console__isEnabled"] = "true";
        start.Environment["AzureFunctionsJobHost__logging__logLevel__Function"] = "Information";
        foreach (var timer in _options.RunTimers ? [] : _timers)
        {
            start.Environment[$"AzureWebJobs.{timer}.Disabled"] = "true";
        }

        lock (_gate)
        {
            _stopping.Token.ThrowIfCancellationRequested();
            try
            {
                return _process = Process.Start(start)!;
            }
            catch (Win32Exception e)
            {
                throw new WorkerException($"'{_command}' can't be started: {e.Message}", e);
            }
        }
    }

    private async Task<bool> BecomesRunningAsync(Task exit)
    {
        var began = Stopwatch.GetTimestamp();
        while (!exit.IsCompleted && !_stopping.IsCancellationRequested && Stopwatch.GetElapsedTime(began) < StartTimeout)
        {
            try
            {
                if (await _admin.IsRunningAsync(_stopping.Token))
                {
                    lock (_gate)
                    {
                        _isRunning = true;
                    }

                    return true;
                }
            }
            catch (OperationCanceledException)
            {
                // Stopped, or no answer.
            }

            await Task.WhenAny(exit, Task.Delay(Poll));
        }

        return false;
    }

    private async Task WaitUntilRunningAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_isRunning)
                {
                    return;
                }
            }

            if (Ended.IsCompleted)
            {
                await Ended;
                throw new WorkerException("The host was stopped.");
            }

            await Task.Delay(Poll, cancellationToken);
        }
    }

    private async Task<bool> IsQuietAsync(bool evenLater, CancellationToken cancellationToken)
    {
        foreach (var queue in _queues)
        {
            if (!await QueueDepth.IsEmptyAsync(queue, evenLater, cancellationToken))
            {
                return false;
            }
        }

        return await _admin.CountInvocationsAsync(cancellationToken) == 0;
    }

    private void KillHost()
    {
        lock (_gate)
        {
            if (_process is { HasExited: false })
            {
                _process.Kill(entireProcessTree: true);
            }
        }
    }

    private bool IsWorker(int process) => !_killed.ContainsKey(process) && ProcessTree.CommandLine(process).Contains("--functions-worker-id");

    private async Task RelayAsync(StreamReader lines, LogLevel level)
    {
        while (await lines.ReadLineAsync() is { } line)
        {
            _lines.Enqueue(line);
            while (_lines.Count > MaxStoredLines)
            {
                _lines.TryDequeue(out _);
            }

            if (Executing().Match(line) is { Success: true } begin)
            {
                _executions.Started(begin.Groups["id"].Value, begin.Groups["function"].Value, begin.Groups["reason"].Value);
            }

            Log(level, line);
            if (Executed().Match(line) is { Success: true } end)
            {
                _executions.Finished(new Invocation(end.Groups["id"].Value, end.Groups["function"].Value, end.Groups["how"].Value == "Succeeded", TimeSpan.FromMilliseconds(double.Parse(end.Groups["ms"].Value, CultureInfo.InvariantCulture))));
            }
        }
    }

    private void Log(LogLevel level, string text) => _options.OnLog?.Invoke(new HostLog(level, "host", text));

    [GeneratedRegex(@"Executing 'Functions\.(?<function>[^']+)' \(Reason='(?<reason>.*)', Id=(?<id>[0-9A-Fa-f-]+)\)")]
    private static partial Regex Executing();

    [GeneratedRegex(@"Executed 'Functions\.(?<function>[^']+)' \((?<how>Succeeded|Failed), Id=(?<id>[0-9A-Fa-f-]+), Duration=(?<ms>[0-9]+)ms\)")]
    private static partial Regex Executed();
}
