using System.Collections;
using StsFunctions.Local.FunctionsHost;

namespace StsFunctions.Local;

/// <summary>The Functions host emulator as a process of its own: started, asked and killed as any other host is.</summary>
internal static class EmulatorRun
{
    public static async Task<int> RunAsync(string appRoot, int port, CancellationToken cancellationToken)
    {
        await using var host = await FunctionsHostEmulator.StartAsync(
            new FunctionsHostOptions
            {
                AppRoot = appRoot,
                Settings = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(entry => (string)entry.Key, entry => (string)entry.Value!),
                HttpPort = port,
                OnLog = line => Console.WriteLine(line.Source == "host" ? line.Text : line.ToString()),
            },
            new FunctionsHostEmulatorOptions(),
            cancellationToken);
        await host.Ended.WaitAsync(cancellationToken);
        return 0;
    }
}
