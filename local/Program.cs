using System.CommandLine;
using System.Runtime.InteropServices;
using Spectre.Console;
using StsFunctions.Local;
using StsFunctions.Local.FunctionsHost;

const int failed = 1;
const int wrongUse = 2;

var app = new Option<string>("--app") { Description = "A published app, instead of the one built beside this.", HelpName = "FOLDER", DefaultValueFactory = _ => Repository.BuiltApp };
var commands = new Option<string?>("--command-root") { Description = "The folder with the published command-line program, if it is not the one that was built beside this.", HelpName = "FOLDER" };
var data = new Option<string>("--data") { Description = "Where data is stored between runs.", HelpName = "FOLDER", DefaultValueFactory = _ => Path.Combine(Repository.Root, ".local", "data") };
var hostCommand = new Option<string?>("--host-command")
{
    Description = "Runs the app under a real Functions host, which this command line starts, instead of the emulator: 'func start --port {port}'; {app} is the app's folder.",
    HelpName = "COMMAND",
};
var smoke = new Option<bool>("--smoke") { Description = "One full run and a table of its results; exit code 0 if everything is as expected." };
var clean = new Option<bool>("--clean") { Description = "Deletes the data of earlier runs." };
var words = new Argument<string[]>("COMMAND") { Description = "`ctl help` lists the commands.", Arity = ArgumentArity.OneOrMore };
var port = new Option<int>("--port") { Description = "The port for HTTP.", Required = true };

var control = new Command("ctl", "Sends a command to the system that runs in another terminal.") { words };
var emulate = new Command("emulate", "Runs the Functions host emulator alone, as a host in a process of its own.") { app, port };
emulate.Hidden = true;
var root = new RootCommand("Everything on one machine: storage, a mail lab with good and bad domains, and the app. It runs until Ctrl-C.")
{
    app, commands, data, hostCommand, smoke, clean, control, emulate,
};

control.SetAction((parsed, cancellationToken) => RemoteCommand.RunAsync(DataFolder(parsed), string.Join(' ', parsed.GetValue(words)!), Console.Out, Console.Error, cancellationToken));
emulate.SetAction((parsed, cancellationToken) => EmulatorRun.RunAsync(Path.GetFullPath(parsed.GetValue(app)!), parsed.GetValue(port), cancellationToken));
root.SetAction((parsed, cancellationToken) =>
{
    var options = new LocalSystemOptions { AppRoot = Path.GetFullPath(parsed.GetValue(app)!), CommandRoot = Path.GetFullPath(parsed.GetValue(commands) ?? Repository.BuiltCommand) };
    if (parsed.GetValue(hostCommand) is { } command)
    {
        options = options with { HostCommand = command };
    }

    return parsed.GetValue(smoke) ? SmokeRun.RunAsync(options, cancellationToken) : InteractiveRun.RunAsync(options, DataFolder(parsed), parsed.GetValue(clean), cancellationToken);
});

if (Console.IsOutputRedirected)
{
    // A file has no width; its reader wraps lines.
    AnsiConsole.Profile.Width = 200;
}

using var stopping = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    // Everything is stopped in order, not at once.
    signal.Cancel = true;
    stopping.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    var parsed = root.Parse(args);
    var code = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stopping.Token);
    return parsed.Errors.Count > 0 ? wrongUse : code;
}
catch (OperationCanceledException) when (stopping.IsCancellationRequested)
{
    return 0;
}
catch (Exception e) when (e is InvalidOperationException or InvalidDataException or IOException or WorkerException)
{
    AnsiConsole.MarkupLineInterpolated($"[red]{e.Message}[/]");
    return failed;
}

string DataFolder(ParseResult parsed) => Path.GetFullPath(parsed.GetValue(data)!);
