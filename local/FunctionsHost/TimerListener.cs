using System.Text.Json.Nodes;
using StsFunctions.Local.FunctionsHost.Rpc;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Runs one timer function when its schedule says so, never twice at once by its schedule.</summary>
internal sealed class TimerListener(FunctionDefinition function, TimerTrigger trigger, Invoker invoker, TimerStatusStore statuses, TimeProvider time)
{
    // A timer's wait is limited to some weeks; a schedule may be a year apart.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private TimerStatus? _status;

    public string Function => function.Name;

    /// <summary>Runs the function at every occurrence. A missed one, while no host ran, is run at once;
    /// one during a run is skipped.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (trigger.UseMonitor)
        {
            _status = await statuses.ReadAsync(Function, cancellationToken);
            if (_status is null)
            {
                await StoreStatusAsync(last: DateTimeOffset.MinValue, cancellationToken);
            }
        }

        if (_status is { } last && last.Next <= time.GetUtcNow())
        {
            await RunOnceAsync(isPastDue: true, cancellationToken);
        }
        else if (trigger.RunOnStartup)
        {
            await RunOnceAsync(isPastDue: false, cancellationToken);
        }

        while (true)
        {
            var next = Next(time.GetUtcNow());
            for (TimeSpan wait; (wait = next - time.GetUtcNow()) > TimeSpan.Zero;)
            {
                await Task.Delay(wait < LongestWait ? wait : LongestWait, time, cancellationToken);
            }

            await RunOnceAsync(isPastDue: false, cancellationToken);
        }
    }

    /// <summary>Runs the function now, without a change of the schedule's status.</summary>
    public Task<Invocation> InvokeNowAsync(CancellationToken cancellationToken) => InvokeAsync(Executions.ByApi, isPastDue: false, cancellationToken);

    private async Task RunOnceAsync(bool isPastDue, CancellationToken cancellationToken)
    {
        var began = time.GetUtcNow();
        await InvokeAsync($"Timer fired at {began:O}", isPastDue, cancellationToken);
        if (trigger.UseMonitor)
        {
            await StoreStatusAsync(began, cancellationToken);
        }
    }

    private async Task StoreStatusAsync(DateTimeOffset last, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        _status = new TimerStatus(last, Next(now), now);
        await statuses.WriteAsync(Function, _status, cancellationToken);
    }

    private Task<Invocation> InvokeAsync(string reason, bool isPastDue, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var status = trigger.UseMonitor ? _status ?? new TimerStatus(DateTimeOffset.MinValue, Next(now), now) : null;
        var input = new JsonObject
        {
            ["Schedule"] = new JsonObject { ["AdjustForDST"] = true },
            ["ScheduleStatus"] = status is null ? null : new JsonObject { ["Last"] = status.Last, ["Next"] = status.Next, ["LastUpdated"] = status.LastUpdated },
            ["IsPastDue"] = isPastDue,
        };
        return invoker.InvokeAsync(function, reason, new TypedData { Json = input.ToJsonString() }, metadata: null, cancellationToken);
    }

    private DateTimeOffset Next(DateTimeOffset now) => new(trigger.Schedule.GetNextOccurrence(now.UtcDateTime), TimeSpan.Zero);
}
