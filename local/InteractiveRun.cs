using System.Globalization;
using Spectre.Console;
using StsFunctions.Local.FunctionsHost;

namespace StsFunctions.Local;

/// <summary>The whole system, until Ctrl-C: it shows addresses, commands to try, and events as they occur.</summary>
internal static class InteractiveRun
{
    // A short delay, so that notifications are sent while the run is watched.
    private const string NotificationDelay = "00:00:05";

    public static async Task<int> RunAsync(LocalSystemOptions options, string data, bool clean, CancellationToken cancellationToken)
    {
        using var alone = TakeAlone(data);
        if (clean && Directory.Exists(data))
        {
            Directory.Delete(data, recursive: true);
        }

        var progress = new ConsoleProgress();
        await using var system = await LocalSystem.StartAsync(
            options with { Settings = new Dictionary<string, string>(options.Settings) { ["Sts__NotificationDelay"] = NotificationDelay }, DataFolder = data, RunTimers = true, Progress = progress, OnLog = ShowTrouble, OnInvocation = Show },
            cancellationToken);
        await SampleData.AddDomainsAsync(system, progress, cancellationToken);
        using var commands = new InteractiveCommands(system, progress);
        await commands.AddAgainAsync(cancellationToken);
        Console.WriteLine(await commands.ExecuteAsync("check", cancellationToken));
        progress.Report("Delivering three reports …");
        await SampleData.DeliverReportsAsync(system, DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1), cancellationToken);
        await system.WhenIdleAsync(cancellationToken);

        await using var control = await ControlEndpoint.StartAsync(data, commands.ExecuteAsync, cancellationToken);
        WriteTour(system);
        await RunPromptAsync(commands, cancellationToken);
        progress.Report("Stopping …");
        return 0;
    }

    // Two runs on one folder would overwrite each other's storage and CA. The lock is beside the folder, which --clean removes.
    private static FileStream TakeAlone(string data)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(data)!);
        try
        {
            return new FileStream(data + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw new InvalidOperationException($"Another run uses {data}: stop it, or name another folder with --data FOLDER.", e);
        }
    }

    private static void WriteTour(LocalSystem system)
    {
        var policy = system.Https("mta-sts.example.com", "/.well-known/mta-sts.txt");
        File.WriteAllText(system.TokenFile, $"Authorization: Bearer {system.Token("Sts.Reader")}\n");
        Console.WriteLine();
        Console.WriteLine($"""
            Running:
              app           {system.Host.HttpAddress} and {system.Https(LocalSystem.AppHost, "/")} (process {system.Host.WorkerProcessId})
              storage       Azurite, blob {system.Azurite.BlobPort}, queue {system.Azurite.QueuePort}, table {system.Azurite.TablePort} (process {system.Azurite.ProcessId})
              DNS           {system.MailLab.Dns}
              SMTP          port {system.MailLab.SmtpPort} of each MX host's own address
              tokens        {system.Issuer.Address} issues them, as Entra ID does
              warnings      {system.MailFolder}
              private CA    {system.RootFile}
              settings      export AzureWebJobsStorage='{system.Azurite.ConnectionString}'

            Hosted domains:
            """);
        foreach (var domain in system.MailLab.Domains)
        {
            Console.WriteLine($"  {domain.Name,-20} {domain.Fault}");
        }

        Console.WriteLine();
        Console.WriteLine($"""
            Try, in another terminal:
              curl --cacert {system.RootFile} --resolve mta-sts.example.com:{policy.Port}:127.0.0.1 {policy}
              curl --cacert {system.RootFile} -H 'Content-Type: application/tlsrpt+json' --data '{Minified()}' {system.Https(LocalSystem.AppHost, "/v1/tlsrpt")}
              curl --cacert {system.RootFile} -H @{system.TokenFile} {system.Https(LocalSystem.AppHost, "/api/domains")}
              dig @{system.MailLab.Dns.Address} -p {system.MailLab.Dns.Port} MX example.com +short

            Or type here, or in another terminal behind `dotnet run --project local -- do`:
              list                     the hosted domains
              show example.com         one domain: findings, and what senders reported
              expire mx2.example.com   swap its certificate for one that expired yesterday
              check                    check every domain now, and send the notifications
              token reader             a token for api/, and a curl line with it
              help                     everything else that can be broken and fixed
            Ctrl-C stops everything.
            """);
        Console.WriteLine();

        static string Minified() => System.Text.Encoding.UTF8.GetString(
            new SampleReport("Delta Mail", "example.com", DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1), 41).ToJson());
    }

    // Lines typed here, until Ctrl-C; without a terminal, just Ctrl-C.
    private static async Task RunPromptAsync(InteractiveCommands commands, CancellationToken cancellationToken)
    {
        try
        {
            while (await ReadLineAsync(cancellationToken) is { } line)
            {
                Console.WriteLine(await commands.ExecuteAsync(line, cancellationToken));
            }

            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
        catch (OperationCanceledException)
        {
        }
    }

    // A read of the console cannot be cancelled; it ends with the process.
    private static Task<string?> ReadLineAsync(CancellationToken cancellationToken) =>
        Task.Run(Console.In.ReadLine, CancellationToken.None).WaitAsync(cancellationToken);

    private static void Show(Invocation invocation) => AnsiConsole.MarkupLineInterpolated(
        CultureInfo.InvariantCulture,
        $"[grey]{DateTime.Now:HH:mm:ss}[/]  [{(invocation.Succeeded ? "green" : "red")}]{invocation.Function}[/]  {invocation.HttpStatus?.ToString(CultureInfo.InvariantCulture) ?? (invocation.Succeeded ? "succeeded" : "failed")}, {invocation.Duration.TotalMilliseconds:0} ms");

    // Only failures; a notification is shown as its mail.
    private static void ShowTrouble(HostLog line)
    {
        if (line.Level >= LogLevel.Warning && !line.Source.EndsWith(".SendWarningFunction", StringComparison.Ordinal))
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{line}[/]");
        }
    }
}
