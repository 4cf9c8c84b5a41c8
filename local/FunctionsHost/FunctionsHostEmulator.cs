using System.Text.Json;
using StsFunctions.Local.FunctionsHost.Rpc;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>An emulator of the Azure Functions host: it runs an isolated worker on this machine as the host does in Azure.</summary>
/// <remarks>It starts the worker of a published app, gets its functions over gRPC, and invokes them
/// for requests, schedules and queue messages. Its behaviour follows measurements of the real host.</remarks>
public sealed class FunctionsHostEmulator : IFunctionsHost
{
    /// <summary>The version that it reports.</summary>
    internal const string HostVersion = "4.1037.0.0";

    private static readonly TimeSpan IdlePoll = TimeSpan.FromMilliseconds(25);

    private readonly FunctionsHostOptions _options;
    private readonly FunctionsHostEmulatorOptions _timing;
    private readonly HostConfiguration _configuration;
    private readonly ActivityCount _activity = new();
    private readonly Executions _executions;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _stopTurn = new(1, 1);
    private readonly RpcServer _rpc;
    private readonly WorkerProcess _worker;
    private readonly HttpFrontEnd _http;
    private readonly Invoker _invoker;
    private IReadOnlyList<FunctionDefinition> _functions = [];
    private IReadOnlyList<TimerListener> _timers = [];
    private IReadOnlyList<QueueListener> _queues = [];
    private AdminClient? _admin;
    private HttpsFrontEnd? _https;
    private Task _running = Task.CompletedTask;
    private bool _stopped;

    private FunctionsHostEmulator(FunctionsHostOptions options, FunctionsHostEmulatorOptions timing, HostConfiguration configuration, WorkerConfiguration worker, RpcServer rpc)
    {
        (_options, _timing, _configuration, _rpc) = (options, timing, configuration, rpc);
        _executions = new Executions(options.OnInvocation);
        _worker = new WorkerProcess(worker, options, timing, rpc, Log);
        _http = new HttpFrontEnd(options, _activity);
        _invoker = new Invoker(_worker, _http.Proxy, configuration, timing, _executions, _activity, Log);
    }

    /// <inheritdoc/>
    public HostCapabilities Capabilities => HostCapabilities.All;

    /// <inheritdoc/>
    public IReadOnlyList<string> Functions { get; private set; } = [];

    /// <inheritdoc/>
    public Uri HttpAddress => _http.Address;

    /// <inheritdoc/>
    public Uri? HttpsAddress => _https?.Address;

    /// <inheritdoc/>
    public int? WorkerProcessId => _worker.ProcessId;

    /// <inheritdoc/>
    public Uri? WorkerAddress => _worker.HttpUri;

    /// <inheritdoc/>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Reads the app, starts its worker, and returns once that is ready and every trigger listens.</summary>
    /// <exception cref="InvalidDataException">The app can't run in Azure, or not in the emulator; the message says what to change.</exception>
    /// <exception cref="WorkerException">The worker did not start.</exception>
    public static async Task<FunctionsHostEmulator> StartAsync(FunctionsHostOptions options, FunctionsHostEmulatorOptions timing, CancellationToken cancellationToken)
    {
        options = options with { AppRoot = Path.GetFullPath(options.AppRoot) };
        var (configuration, worker) = (HostConfiguration.Read(options.AppRoot), WorkerConfiguration.Read(options.AppRoot));
        var host = new FunctionsHostEmulator(options, timing, configuration, worker, await RpcServer.StartAsync(cancellationToken));
        try
        {
            await host.StartAsync(cancellationToken);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public void KillWorker() => _worker.Kill();

    /// <inheritdoc/>
    public Task WaitForWorkerAsync(CancellationToken cancellationToken) => _worker.GetAsync(cancellationToken);

    /// <inheritdoc/>
    public Task InvokeTimerAsync(string name, CancellationToken cancellationToken) => _admin!.InvokeTimerAsync(name, cancellationToken);

    /// <inheritdoc/>
    public async Task WhenIdleAsync(bool ignoreDelayed, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (Ended.IsFaulted)
            {
                await Ended;
            }
            // Empty queues mean nothing if work began while they were polled one after another.
            var begun = _activity.Begun;
            if (_activity.Running == 0 && await AllEmptyAsync(ignoreDelayed, cancellationToken) && _activity.Running == 0 && _activity.Begun == begun)
            {
                return;
            }

            await Task.Delay(IdlePoll, cancellationToken);
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
            await _worker.DisposeAsync();
            if (_https is not null)
            {
                await _https.DisposeAsync();
            }

            await _http.DisposeAsync();
            await _rpc.DisposeAsync();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _executions.Lost(new WorkerException("The host was stopped."));
            _admin?.Dispose();
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

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        _worker.Start();
        Ended = EndAsync();
        await _worker.GetAsync(cancellationToken);

        _functions = [.. _worker.Functions.Select(Read)];
        if (_functions.Count == 0)
        {
            throw new InvalidDataException("The worker has no functions.");
        }

        Functions = [.. _functions.Select(function => function.Name)];
        var statuses = new TimerStatusStore(_options.RunTimers ? _options.Settings.GetValueOrDefault("AzureWebJobsStorage") : null, Log);
        _timers = [.. from function in _functions where function.Trigger is TimerTrigger select new TimerListener(function, (TimerTrigger)function.Trigger, _invoker, statuses, _timing.Time)];
        _queues =
        [
            .. from function in _functions
               where function is { Trigger: QueueTrigger, IsDisabled: false }
               select new QueueListener(function, (QueueTrigger)function.Trigger, _configuration.Queues, _timing, _invoker, _activity, Log),
        ];
        _admin = new AdminClient(() => HttpAddress, _options.AdminKey, _executions, [.. _timers.Select(timer => timer.Function)]);
        await _http.StartAsync(_functions, _invoker, InvokeByApi, cancellationToken);
        _https = await HttpsFrontEnd.StartAsync(_options, _http.Address, cancellationToken);
        StartListeners();
    }

    private FunctionDefinition Read(RpcFunctionMetadata function)
    {
        var bindings = function.RawBindings.Select(binding => JsonDocument.Parse(binding)).ToList();
        try
        {
            return FunctionDefinition.Read(function.Name, bindings.Select(binding => binding.RootElement), _configuration, _options.Settings);
        }
        finally
        {
            bindings.ForEach(binding => binding.Dispose());
        }
    }

    private void StartListeners()
    {
        var loops = _queues.Select(queue => queue.RunAsync(_stopping.Token)).ToList();
        if (_options.RunTimers)
        {
            loops.AddRange(_timers.Where(timer => !_functions.Single(function => function.Name == timer.Function).IsDisabled).Select(timer => timer.RunAsync(_stopping.Token)));
        }

        _running = Task.WhenAll(loops);
    }

    // As POST /admin/functions/NAME: the answer comes before the run.
    private int InvokeByApi(string name, string input)
    {
        var function = _functions.FirstOrDefault(candidate => candidate.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        switch (function?.Trigger)
        {
            case TimerTrigger:
                _ = _timers.Single(timer => timer.Function == function.Name).InvokeNowAsync(_stopping.Token);
                return StatusCodes.Status202Accepted;
            case QueueTrigger:
                _ = _invoker.InvokeAsync(function, Executions.ByApi, new TypedData { String = input }, metadata: null, _stopping.Token);
                return StatusCodes.Status202Accepted;
            case HttpTrigger:
                return StatusCodes.Status400BadRequest;
            default:
                return StatusCodes.Status404NotFound;
        }
    }

    private async Task EndAsync()
    {
        try
        {
            await _worker.Supervision;
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // Stopped: the worker's end does not matter any more.
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
            {
                return false;
            }
        }

        return true;
    }

    private void Log(HostLog line) => _options.OnLog?.Invoke(line);
}
