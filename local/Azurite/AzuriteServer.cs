using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;

namespace StsFunctions.Local.Azurite;

/// <summary>Azure Storage on this machine: Azurite's blob, queue and table services on free loopback ports.</summary>
/// <remarks>Azurite ends with this object, and with this process in any case: it watches a pipe of this process.</remarks>
public sealed class AzuriteServer : IAsyncDisposable
{
    // Azurite's documented development account: a public constant, no secret.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly bool _keepsData;

    private AzuriteServer(Process process, bool keepsData)
    {
        _process = process;
        _keepsData = keepsData;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The port of the blob service on 127.0.0.1.</summary>
    public int BlobPort { get; private set; }

    /// <summary>The port of the queue service on 127.0.0.1.</summary>
    public int QueuePort { get; private set; }

    /// <summary>The port of the table service on 127.0.0.1.</summary>
    public int TablePort { get; private set; }

    /// <summary>What a storage client needs to connect.</summary>
    public string ConnectionString =>
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};" +
        $"BlobEndpoint=http://127.0.0.1:{BlobPort}/{Account};QueueEndpoint=http://127.0.0.1:{QueuePort}/{Account};TableEndpoint=http://127.0.0.1:{TablePort}/{Account};";

    /// <summary>The id of Azurite's process.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Installs Azurite if need be, starts it, and returns when all three services answer.</summary>
    /// <exception cref="InvalidOperationException">Node or npm is missing or too old, the installation failed, or Azurite did not start.</exception>
    public static async Task<AzuriteServer> StartAsync(AzuriteOptions options, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        var folder = await AzuriteInstallation.EnsureAsync(progress, cancellationToken);
        if (options.DataFolder is { } data)
        {
            Directory.CreateDirectory(data);
        }

        progress?.Report("Starting Azurite …");
        var start = new ProcessStartInfo("node")
        {
            // Port 0: the system chooses a port, and no other process can take it meanwhile.
            ArgumentList =
            {
                Path.Combine(AzuriteInstallation.Source, "run.mjs"), folder,
                "--blobHost", "127.0.0.1", "--blobPort", "0", "--queueHost", "127.0.0.1", "--queuePort", "0", "--tableHost", "127.0.0.1", "--tablePort", "0",
                "--disableTelemetry", "--skipApiVersionCheck", "--silent",
            },
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in options.DataFolder is { } location ? ["--location", Path.GetFullPath(location)] : (string[])["--inMemoryPersistence"])
        {
            start.ArgumentList.Add(argument);
        }

        var azurite = new AzuriteServer(Process.Start(start)!, options.DataFolder is not null);
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(StartTimeout);
            await azurite.WaitUntilReadyAsync(timeout.Token);
            return azurite;
        }
        catch (Exception e)
        {
            await azurite.DisposeAsync();
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new InvalidOperationException($"Azurite was not ready within {StartTimeout.TotalSeconds} s.", e);
            }

            throw;
        }
    }

    /// <summary>Takes the storage down: connections break and new ones are refused until <see cref="ResumeAsync"/>. The data remains.</summary>
    public Task SuspendAsync(CancellationToken cancellationToken) => CommandAsync("suspend", cancellationToken);

    /// <summary>Brings the storage back on the same ports, with its data.</summary>
    /// <exception cref="InvalidOperationException">Another process has taken one of the ports meanwhile.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken) => CommandAsync("resume", cancellationToken);

    /// <summary>Ends Azurite: gives it a moment to write its files if it has any, then kills it and its children.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_keepsData && !_process.HasExited)
        {
            _process.StandardInput.Close();
            using var timeout = new CancellationTokenSource(StopTimeout);
            try
            {
                await _process.WaitForExitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                // Killed below.
            }
        }
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        await _errors;
        _process.Dispose();
        _turn.Dispose();
    }

    private async Task WaitUntilReadyAsync(CancellationToken cancellationToken)
    {
        using var ports = JsonDocument.Parse(await ReadLineAsync(cancellationToken));
        BlobPort = ports.RootElement.GetProperty("blob").GetInt32();
        QueuePort = ports.RootElement.GetProperty("queue").GetInt32();
        TablePort = ports.RootElement.GetProperty("table").GetInt32();
        foreach (var port in (int[])[BlobPort, QueuePort, TablePort])
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port, cancellationToken);
        }
    }

    private async Task CommandAsync(string command, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await _process.StandardInput.WriteLineAsync(command.AsMemory(), cancellationToken);
            await _process.StandardInput.FlushAsync(cancellationToken);
            var answer = await ReadLineAsync(cancellationToken);
            if (answer != command)
            {
                throw new InvalidOperationException($"Azurite answered '{answer}' to '{command}'.");
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken) =>
        await _process.StandardOutput.ReadLineAsync(cancellationToken)
            ?? throw new InvalidOperationException($"Azurite has ended: {(await _errors).Trim()}");
}
