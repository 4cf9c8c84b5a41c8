using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Tests.RealServers;

/// <summary>A server in its own process group, which ends with this object, and with this process however it ends.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    // The shell leads the group, and ends all of it when our end of its input closes; its output ends with the server's.
    private const string Script = "exec 3<&0; \"$@\" 3<&- & exec >/dev/null 2>&1; cat <&3; kill -KILL 0";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly string _name;
    private readonly Process _process;
    private readonly string? _log;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly Task _ended;

    private ServerProcess(string name, Process process, string? log)
    {
        (_name, _process, _log) = (name, process, log);
        _ended = Task.WhenAll(ReadOutputAsync(process.StandardOutput), ReadOutputAsync(process.StandardError));
    }

    /// <summary>Starts a server of the packages, and returns when it is ready.</summary>
    /// <param name="packages">Where its libraries are.</param>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="folder">Its working folder.</param>
    /// <param name="untilReady">Waits until it is.</param>
    /// <param name="users">The users that it is to find on this machine; none where it asks for none.</param>
    /// <param name="log">The file that it writes what it has to say into, beside its output.</param>
    /// <exception cref="InvalidOperationException">It ended, or is not ready in time.</exception>
    public static async Task<ServerProcess> StartAsync(
        DebianPackages packages, IReadOnlyList<string> command, string folder, Func<ServerProcess, Task> untilReady, PretendedUsers? users = null, string? log = null)
    {
        var start = new ProcessStartInfo("setsid", ["sh", "-c", Script, "sh", .. command])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LD_LIBRARY_PATH"] = packages.Libraries;
        start.Environment["LC_ALL"] = "C";
        foreach (var (name, value) in users?.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var server = new ServerProcess(Path.GetFileName(command[0]), Process.Start(start)!, log);
        try
        {
            await untilReady(server);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until the server has printed a word.</summary>
    /// <exception cref="InvalidOperationException">It ended, or did not say it in time.</exception>
    public Task WaitForOutputAsync(string word, CancellationToken cancellationToken) =>
        UntilAsync($"say '{word}'", () => Task.FromResult(_output.Any(line => line.Contains(word, StringComparison.Ordinal))), cancellationToken);

    /// <summary>Waits until a connection is taken.</summary>
    /// <exception cref="InvalidOperationException">The server ended, or took none in time.</exception>
    public Task ListensAsync(IPEndPoint endPoint, CancellationToken cancellationToken) => UntilAsync($"listen at {endPoint}", async () =>
    {
        try
        {
            using var client = new TcpClient(endPoint.AddressFamily);
            await client.ConnectAsync(endPoint, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        using var limit = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(limit.Token);
        await _ended;
        _process.Dispose();
    }

    private async Task UntilAsync(string what, Func<Task<bool>> isSo, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        while (!await isSo())
        {
            if (_ended.IsCompleted || limit.IsCancellationRequested)
            {
                throw new InvalidOperationException(string.Create(
                    CultureInfo.InvariantCulture, $"{_name} {(_ended.IsCompleted ? "ended" : $"did not {what} within {Patience.TotalSeconds} s")}. It said: {Output()}"));
            }

            await Task.Delay(Poll, CancellationToken.None);
        }
    }

    private string Output() => string.Join('\n', _output) + (File.Exists(_log) ? "\n" + File.ReadAllText(_log) : "");

    private async Task ReadOutputAsync(StreamReader output)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            _output.Enqueue(line);
        }
    }
}
