using System.Diagnostics;
using StsFunctions.Local;

namespace StsFunctions.Bench;

/// <summary>The app as a running custom handler.</summary>
internal sealed class RunningHandler : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(1);

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    private RunningHandler(Process process, int port)
    {
        (_process, Port) = (process, port);
        _output = process.StandardOutput.ReadToEndAsync();
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The loopback port it listens on.</summary>
    public int Port { get; }

    /// <summary>From just before fork to the whole of the first answer.</summary>
    public TimeSpan FirstAnswerAfter { get; private set; }

    /// <summary>The processor time that it has used.</summary>
    public TimeSpan CpuTime => ProcessorTime.OfTree(_process.Id);

    /// <summary>Starts the app, and returns once it has served the policy.</summary>
    /// <exception cref="InvalidOperationException">It does not serve it.</exception>
    public static async Task<RunningHandler> StartAsync(HostedPolicy policy, PublishedApp app, CancellationToken cancellation)
    {
        var port = LoopbackPort.Free();
        var start = policy.Start(app);
        start.Environment["FUNCTIONS_CUSTOMHANDLER_PORT"] = $"{port}";
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;

        var watch = Stopwatch.StartNew();
        var handler = new RunningHandler(Process.Start(start)!, port);
        try
        {
            await handler.WaitForPolicyAsync(watch, cancellation);
            return handler;
        }
        catch
        {
            handler.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        Task.WaitAll(_output, _errors);
        _process.Dispose();
    }

    private async Task WaitForPolicyAsync(Stopwatch watch, CancellationToken cancellation)
    {
        while (true)
        {
            if (PolicyAnswer.Get(Port) is { } answer)
            {
                FirstAnswerAfter = watch.Elapsed;
                answer.Checked("The handler");
                return;
            }

            if (_process.HasExited || watch.Elapsed > Limit)
            {
                throw new InvalidOperationException(
                    _process.HasExited ? $"The handler ended with {_process.ExitCode}: {_output.Result}{_errors.Result}" : $"The handler did not listen within {Limit.TotalSeconds} s.");
            }

            await Task.Delay(Poll, cancellation);
        }
    }
}
