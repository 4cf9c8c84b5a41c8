using System.Globalization;

namespace StsFunctions.Cli;

/// <summary>A line on a terminal that shows what the command waits for, and for how long; it writes nothing to a pipe or a file.</summary>
internal sealed class StatusLine : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private int _width;

    private StatusLine(string what, TimeProvider time)
    {
        var began = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Draw($"{what} … {time.GetElapsedTime(began).TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s"), null, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    /// <summary>Shows the line until it is disposed; null if standard error is not a terminal.</summary>
    public static StatusLine? Show(string what, TimeProvider time) => Console.IsErrorRedirected ? null : new StatusLine(what, time);

    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            Console.Error.Write($"\r{new string(' ', _width)}\r");
            _width = -1;
        }
    }

    private void Draw(string line)
    {
        lock (_lock)
        {
            // A tick may come late.
            if (_width >= 0)
            {
                Console.Error.Write($"\r{line}");
                _width = line.Length;
            }
        }
    }
}
