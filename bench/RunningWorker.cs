using System.Diagnostics;
using StsFunctions.Local.FunctionsHost;

namespace StsFunctions.Bench;

/// <summary>What a client asks a worker for, through the host.</summary>
/// <param name="Host">The host name.</param>
/// <param name="Path">The path.</param>
/// <param name="Body">The only right answer.</param>
internal sealed record Asked(string Host, string Path, ReadOnlyMemory<byte> Body);

/// <summary>One start of a worker.</summary>
/// <param name="KilledMilliseconds">From just before the last worker was killed to the whole of the next 200.</param>
/// <param name="StartMilliseconds">From the new worker's process to the whole of that 200.</param>
/// <param name="CpuMilliseconds">The processor time that the new worker had used by then.</param>
internal sealed record WorkerStart(double KilledMilliseconds, double StartMilliseconds, double CpuMilliseconds);

/// <summary>A published worker under a Functions host.</summary>
internal sealed class RunningWorker : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(1);

    private readonly IFunctionsHost _host;
    private readonly Asked _asked;

    private RunningWorker(IFunctionsHost host, Asked asked) => (_host, _asked) = (host, asked);

    /// <summary>The loopback port of the host.</summary>
    public int Port => _host.HttpAddress.Port;

    /// <summary>What it is asked for.</summary>
    public Asked Asked => _asked;

    /// <summary>The worker's process.</summary>
    public int ProcessId => _host.WorkerProcessId ?? throw new InvalidOperationException("The worker does not run.");

    /// <summary>The processor time that the worker has used.</summary>
    public TimeSpan CpuTime => ProcessorTime.OfTree(ProcessId);

    /// <summary>Starts the host and the worker, and returns once it has answered.</summary>
    /// <exception cref="InvalidOperationException">It answers something else.</exception>
    public static async Task<RunningWorker> StartAsync(PublishedApp app, IReadOnlyDictionary<string, string> settings, Asked asked, BenchOptions bench, CancellationToken cancellationToken)
    {
        var options = new FunctionsHostOptions { AppRoot = app.Folder, Settings = settings, RunTimers = false, AdminKey = bench.HostKey };
        IFunctionsHost host = bench.HostCommand is { } command
            ? await FunctionsHostProcess.StartAsync(options, command, cancellationToken)
            // It is killed repeatedly on purpose.
            : await FunctionsHostEmulator.StartAsync(options, new FunctionsHostEmulatorOptions { FatalFailure = int.MaxValue, WorkerRestartDelay = TimeSpan.Zero }, cancellationToken);
        var worker = new RunningWorker(host, asked);
        try
        {
            worker.Ask();
            return worker;
        }
        catch
        {
            await worker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills the worker, and asks until the next one has answered.</summary>
    public async Task<WorkerStart> StartAgainAsync(CancellationToken cancellationToken)
    {
        var last = ProcessId;
        var killed = Stopwatch.GetTimestamp();
        _host.KillWorker();
        while (_host.WorkerProcessId is null || _host.WorkerProcessId == last)
        {
            if (Stopwatch.GetElapsedTime(killed) > Limit)
            {
                throw new InvalidOperationException($"The host started no other worker within {Limit.TotalSeconds} s.");
            }

            await Task.Delay(Poll, cancellationToken);
        }

        // The request waits in the host until the worker can take it.
        var started = Stopwatch.GetTimestamp();
        Ask();
        var answered = Stopwatch.GetTimestamp();
        return new WorkerStart(
            Stopwatch.GetElapsedTime(killed, answered).TotalMilliseconds, Stopwatch.GetElapsedTime(started, answered).TotalMilliseconds, CpuTime.TotalMilliseconds);
    }

    /// <summary>Asks once, and insists on the right answer.</summary>
    public void Ask() => (HttpAnswer.Get(Port, _asked) ?? throw new InvalidOperationException("No process listens on the host's port.")).Insist(_asked);

    /// <summary>The worker's memory at this moment.</summary>
    public ProcessMemory Memory() => ProcessMemory.Of(ProcessId);

    public ValueTask DisposeAsync() => _host.DisposeAsync();
}
