using System.Collections.Concurrent;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>A stand-in for the Azure Functions host: it runs a custom handler on this machine as the host does in Azure.</summary>
/// <remarks>It reads host.json and the function.json files of an app, starts the handler, and calls it over loopback HTTP
/// for requests, schedules and queue messages. What it sends is held against requests recorded from the real host.</remarks>
public sealed class StandInHost : IAsyncDisposable
{
    private static readonly TimeSpan IdlePoll = TimeSpan.FromMilliseconds(25);

    private readonly StandInHostOptions _options;
    private readonly ActivityCount _activity = new();
    private readonly ConcurrentQueue<string> _breaches = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _stopTurn = new(1, 1);
    private readonly HandlerProcess _handler;
    private readonly TriggerInvoker _invoker;
    private readonly HttpFrontEnd _frontEnd;
    private readonly List<TimerListener> _timers;
    private readonly List<QueueListener> _queues;
    private Task _running = Task.CompletedTask;
    private bool _stopped;

    private StandInHost(StandInHostOptions options, HostConfiguration host, IReadOnlyList<FunctionDefinition> functions)
    {
        _options = options with
        {
            AppRoot = Path.GetFullPath(options.AppRoot),
            OnInvocation = invocation =>
            {
                if (invocation.Status == InvocationStatus.ContractBreach)
                    _breaches.Enqueue($"{invocation.Function}: {invocation.Error}");
                options.OnInvocation?.Invoke(invocation);
            },
        };
        Functions = [.. functions.Select(function => function.Name)];
        _handler = new HandlerProcess(host, _options, Log);
        _invoker = new TriggerInvoker(_handler, host, _options, _activity, Log);
        _timers = [.. functions.Where(f => f.Trigger is TimerTrigger).Select(f => new TimerListener(f.Name, (TimerTrigger)f.Trigger, _handler, _invoker, _options.Time, Log))];
        _queues = [.. functions.Where(f => f.Trigger is QueueTrigger).Select(f => NewQueue(f.Name, (QueueTrigger)f.Trigger, host.Queues))];
        _frontEnd = new HttpFrontEnd(functions, _handler, host, _options, _activity, Log);
    }

    /// <summary>The names of the app's functions.</summary>
    public IReadOnlyList<string> Functions { get; }

    /// <summary>Where HTTP functions answer.</summary>
    public Uri HttpAddress => _frontEnd.HttpAddress;

    /// <summary>Where they answer over TLS; null without <see cref="StandInHostOptions.CertificateFor"/>.</summary>
    public Uri? HttpsAddress => _frontEnd.HttpsAddress;

    /// <summary>The loopback port on which the handler itself listens.</summary>
    public int HandlerPort => _handler.Port;

    /// <summary>The handler's process; null while there is none.</summary>
    public int? HandlerProcessId => _handler.ProcessId;

    /// <summary>Ends when the host does: well after <see cref="StopAsync"/>, with <see cref="HandlerException"/> after the fatal crash.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Reads the app, starts its handler, and returns once that serves and every trigger listens.</summary>
    /// <exception cref="InvalidDataException">The app can't run in Azure, or not here; the message says what to change.</exception>
    /// <exception cref="HandlerException">The handler did not come up.</exception>
    public static async Task<StandInHost> StartAsync(StandInHostOptions options, CancellationToken cancellationToken)
    {
        var configuration = HostConfiguration.Read(options.AppRoot, options.OlderHost);
        var functions = FunctionDefinition.ReadAll(options.AppRoot, configuration, text => Expand(text, options.Settings));
        var host = new StandInHost(options, configuration, functions);
        try
        {
            foreach (var queue in host._queues)
                await queue.CreateQueuesAsync(cancellationToken);
            await host._frontEnd.StartAsync(cancellationToken);
            host._handler.Start();
            host.Ended = host.EndAsync();
            await host._handler.WaitUntilServingAsync(cancellationToken);
            host.StartListeners();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the handler with SIGKILL; it is started again, until the fatal crash.</summary>
    public void KillHandler() => _handler.Kill();

    /// <summary>Returns once the handler serves.</summary>
    /// <exception cref="HandlerException">It never will.</exception>
    public Task WaitForHandlerAsync(CancellationToken cancellationToken) => _handler.WaitUntilServingAsync(cancellationToken);

    /// <summary>Runs a timer function now, as an administrator can, after a run in progress.</summary>
    /// <exception cref="ArgumentException">No timer function has this name.</exception>
    /// <exception cref="ContractBreachException">In Azure this run would hang.</exception>
    /// <exception cref="HandlerException">The run failed.</exception>
    public async Task InvokeTimerAsync(string name, CancellationToken cancellationToken)
    {
        var timer = _timers.Find(t => string.Equals(t.Function, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"No timer function is named '{name}'; there are: {string.Join(", ", _timers.Select(t => t.Function))}.", nameof(name));
        var invocation = await timer.InvokeNowAsync(cancellationToken);
        if (invocation.Status == InvocationStatus.ContractBreach)
            throw new ContractBreachException(invocation.Error!);
        if (invocation.Status == InvocationStatus.Failed)
            throw new HandlerException($"{name}: {invocation.Error}");
    }

    /// <summary>Returns when no invocation runs and the trigger queues are empty.</summary>
    /// <param name="ignoreDelayed">True: messages that are not due yet don't count.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ContractBreachException">A function gave an answer, since the last such call, that would hang in Azure.</exception>
    /// <exception cref="HandlerException">The host has stopped by itself.</exception>
    public async Task WhenIdleAsync(bool ignoreDelayed, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_breaches.TryDequeue(out var breach))
                throw new ContractBreachException(breach);
            if (Ended.IsFaulted)
                await Ended;
            // Empty queues tell nothing if work began while we looked from one to the next.
            var begun = _activity.Begun;
            if (_activity.Running == 0 && await AllEmptyAsync(ignoreDelayed, cancellationToken) && _activity.Running == 0 && _activity.Begun == begun && _breaches.IsEmpty)
                return;
            await Task.Delay(IdlePoll, cancellationToken);
        }
    }

    /// <summary>Stops as the host does in Azure: the handler is killed, messages in work stay locked. Returns when nothing is left.</summary>
    public async Task StopAsync()
    {
        await _stopTurn.WaitAsync();
        try
        {
            if (_stopped)
                return;
            _stopped = true;
            await _stopping.CancelAsync();
            await _handler.DisposeAsync();
            await _frontEnd.DisposeAsync();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _timers.ForEach(timer => timer.Dispose());
            _invoker.Dispose();
        }
        finally
        {
            _stopTurn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Ended.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private QueueListener NewQueue(string function, QueueTrigger trigger, QueueSettings settings) => new(
        function, trigger,
        _options.Settings.GetValueOrDefault(trigger.Connection) ?? throw new InvalidDataException($"{function} needs the setting {trigger.Connection}: a storage connection string."),
        settings, _options, _handler, _invoker, _activity, Log);

    private void StartListeners()
    {
        var loops = _queues.Select(queue => queue.RunAsync(_stopping.Token));
        if (_options.RunTimers)
            loops = loops.Concat(_timers.Select(timer => timer.RunAsync(_stopping.Token)));
        _running = Task.WhenAll(loops.ToList());
    }

    private async Task EndAsync()
    {
        try
        {
            await _handler.Supervision;
            // A handler that exited with 0 leaves a host that answers 500.
            await Task.Delay(Timeout.Infinite, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // Stopped: whatever ended the handler is of no interest any more.
        }
        catch (Exception)
        {
            await StopAsync();
            throw;
        }
    }

    private async Task<bool> AllEmptyAsync(bool ignoreDelayed, CancellationToken cancellationToken)
    {
        foreach (var queue in _queues)
        {
            if (!await queue.IsEmptyAsync(!ignoreDelayed, cancellationToken))
                return false;
        }
        return true;
    }

    private void Log(HostLog line) => _options.OnLog?.Invoke(line);

    // %NAME% in a function.json stands for a setting.
    private static string Expand(string text, IReadOnlyDictionary<string, string> settings) => text is ['%', .. var name, '%']
        ? settings.GetValueOrDefault(name) ?? Environment.GetEnvironmentVariable(name) ?? throw new InvalidDataException($"A function.json refers to the setting {name}, which is not set.")
        : text;
}
