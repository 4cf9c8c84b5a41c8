using System.Runtime.InteropServices;
using Spectre.Console;
using StsFunctions.Local;

const string usage = """
    Everything on one machine: storage, a mail internet with good and bad domains, and the app.

      dotnet run --project local                       run until Ctrl-C
      dotnet run --project local -- --clean            the same, forgetting what earlier runs stored
      dotnet run --project local -- do COMMAND         hand a command to the system that runs in another terminal; `do help` lists them
      dotnet run --project local -- --smoke            one full round, a table of what happened, exit code 0 if all is as it should be
      dotnet run --project local -- --app FOLDER ...   with a published app instead of the one built beside this
      dotnet run --project local -- --data FOLDER ...  with another data folder than .local/data

    """;

string? app = null, data = null, command = null;
var (isSmoke, isClean, isWrong) = (false, false, false);
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--smoke":
            isSmoke = true;
            break;
        case "--clean":
            isClean = true;
            break;
        case "--app" when i + 1 < args.Length:
            app = args[++i];
            break;
        case "--data" when i + 1 < args.Length:
            data = args[++i];
            break;
        case "do" when i + 1 < args.Length:
            command = string.Join(' ', args[(i + 1)..]);
            i = args.Length;
            break;
        default:
            isWrong = true;
            if (args[i] is not ("--help" or "-h"))
            {
                Console.Error.WriteLine($"{args[i]} is no option here, or lacks its value.");
            }

            break;
    }
}

if (isWrong)
{
    Console.Write(usage);
    return args is ["--help"] or ["-h"] ? 0 : 2;
}

if (Console.IsOutputRedirected)
{
    // A file has no width; what reads it wraps by itself.
    AnsiConsole.Profile.Width = 200;
}

using var stopping = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    // Everything is stopped in its order instead of all at once.
    signal.Cancel = true;
    stopping.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    var appRoot = Path.GetFullPath(app ?? Repository.BuiltApp);
    var dataFolder = Path.GetFullPath(data ?? Path.Combine(Repository.Root, ".local", "data"));
    if (command is not null)
        return await ControlRun.RunAsync(dataFolder, command, Console.Out, Console.Error, stopping.Token);
    return isSmoke
        ? await SmokeRun.RunAsync(appRoot, stopping.Token)
        : await LiveRun.RunAsync(appRoot, dataFolder, isClean, stopping.Token);
}
catch (OperationCanceledException) when (stopping.IsCancellationRequested)
{
    return 0;
}
catch (Exception e) when (e is InvalidOperationException or InvalidDataException or IOException or StsFunctions.Local.FunctionsHost.WorkerException)
{
    AnsiConsole.MarkupLineInterpolated($"[red]{e.Message}[/]");
    return 1;
}
