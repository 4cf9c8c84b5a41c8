namespace StsFunctions.Local.FunctionsHost;

/// <summary>Runs one timer function when its schedule says so, never twice at once.</summary>
internal sealed class TimerListener(string function, TimerTrigger trigger, HandlerProcess handler, TriggerInvoker invoker, TimeProvider time, Action<HostLog> log) : IDisposable
{
    // A timer's wait is limited to some weeks; a schedule may be a year apart.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private TimerStatus _status = NeverRun(trigger, time.GetUtcNow());

    public string Function => function;

    /// <summary>Runs the function at every occurrence; the first is the first after the start. An occurrence that
    /// falls into a run is left out.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await handler.WaitUntilServingAsync(cancellationToken);
        while (true)
        {
            var next = Next(trigger, time.GetUtcNow());
            for (TimeSpan wait; (wait = next - time.GetUtcNow()) > TimeSpan.Zero;)
                await Task.Delay(wait < LongestWait ? wait : LongestWait, time, cancellationToken);
            if (!await _turn.WaitAsync(0, cancellationToken))
            {
                log(new HostLog(LogLevel.Information, "host", $"{function} still runs; its occurrence of {next:u} is left out."));
                continue;
            }
            try
            {
                await InvokeAsync(cancellationToken);
                var now = time.GetUtcNow();
                _status = new TimerStatus(next, Next(trigger, now), now);
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    /// <summary>Runs the function now, after a run in progress; what the schedule knows stays as it is.</summary>
    public async Task<Invocation> InvokeNowAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return await InvokeAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private Task<Invocation> InvokeAsync(CancellationToken cancellationToken) => invoker.InvokeAsync(
        function,
        TriggerKind.Timer,
        TriggerPayload.Timer(function, trigger.Binding, trigger.UseMonitor ? _status : null, isPastDue: false, time.GetUtcNow()),
        cancellationToken);

    private static TimerStatus NeverRun(TimerTrigger trigger, DateTimeOffset now) => new(DateTimeOffset.MinValue, Next(trigger, now), now);

    private static DateTimeOffset Next(TimerTrigger trigger, DateTimeOffset now) => new(trigger.Schedule.GetNextOccurrence(now.UtcDateTime), TimeSpan.Zero);
}
