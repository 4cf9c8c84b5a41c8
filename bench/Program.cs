using System.CommandLine;
using System.ComponentModel;
using System.Runtime.Versioning;
using StsFunctions.Bench;
using StsFunctions.Local.FunctionsHost;

[assembly: SupportedOSPlatform("linux")]

const int met = 0;
const int missed = 1;
const int notMeasured = 2;

var json = new Option<bool>("--json") { Description = "Figures for machines on stdout; progress goes to stderr either way", Recursive = true };
var rounds = new Option<int?>("--rounds") { Description = "How many rounds are measured, instead of the default of the benchmark", Recursive = true };
var hostCommand = new Option<string?>("--host-command")
{
    Description = "The command line of a real Functions host that runs the app, such as \"func start --port {port}\", instead of the emulator [STS_HOST_COMMAND]",
    DefaultValueFactory = _ => Setting("STS_HOST_COMMAND"),
    Recursive = true,
};
var hostKey = new Option<string?>("--host-key") { Description = "The key of that host's API for administrators [STS_HOST_KEY]", DefaultValueFactory = _ => Setting("STS_HOST_KEY"), Recursive = true };
var beside = new Option<string?>("--beside") { Description = "The folder of another published build of the app, to be measured beside it instead of the empty worker" };
var domains = new Option<int?>("--domains") { Description = "How many domains the store, or the larger check run, has, instead of 10,000" };
var events = new Option<int>("--events") { Description = "How many events", DefaultValueFactory = _ => 10_000 };
var minutes = new Option<int>("--minutes") { Description = "After how many minutes it ends in any case", DefaultValueFactory = _ => 20 };
rounds.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int?>() is < 1)
    {
        result.AddError("--rounds: at least 1.");
    }
});

var root = new RootCommand("""
    Measures the published app, and the code that it is made of, on this machine (Linux, x64).
    STS_APP names the folder of a published app and STS_COMMAND the published executable of sts; what is not named is published into .local/bench first.
    Exit code: 0 every target is met, 1 one is missed, 2 nothing could be measured.
    """)
{
    Bench("coldstart", "From a worker's start to its first policy, and its memory, beside an empty worker", ColdStartBench.RunAsync, beside),
    Bench("serve", "A cached policy: requests a second through the host, beside an empty worker", ServeBench.RunAsync, beside),
    Bench("soak", "Policies, posted reports, checks and reports by queue, mixed: memory from the first to the last", SoakBench.RunAsync, events, minutes),
    Bench("policy", "A policy read and written, beside a bare split of its lines", PolicyBench.RunAsync),
    Bench("store", "10,000 domains: a list, a domain, a change, beside bare storage calls", StoreBench.RunAsync, domains),
    Bench("probe", "SMTP sessions a second of a check, beside a bare SslStream", ProbeBench.RunAsync),
    Bench("checkrun", "A check run over 1,000 and over 10,000 domains: time, memory, and how both grow", CheckRunBench.RunAsync, domains),
    Bench("reportstore", "A big report's rows, a small one's calls, and 90 days of a domain, beside bare storage calls", ReportStoreBench.RunAsync),
    Bench("report", "Reports out of gzip, native, beside gunzip alone and Python", ReportBench.RunAsync),
};
root.Options.Add(json);
root.Options.Add(rounds);
root.Options.Add(hostCommand);
root.Options.Add(hostKey);
var parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
var code = await parsed.InvokeAsync();
return parsed.Errors.Count > 0 ? notMeasured : code;

Command Bench(string name, string description, Func<BenchOptions, IProgress<string>, CancellationToken, Task<Outcome>> run, params Option[] options)
{
    var command = new Command(name, description);
    foreach (var option in options)
    {
        command.Options.Add(option);
    }

    command.SetAction(async (arguments, cancellationToken) =>
    {
        var bench = new BenchOptions
        {
            Rounds = arguments.GetValue(rounds),
            HostCommand = arguments.GetValue(hostCommand),
            HostKey = arguments.GetValue(hostKey),
            Beside = options.Contains(beside) ? arguments.GetValue(beside) : null,
            Domains = options.Contains(domains) ? arguments.GetValue(domains) : null,
            Events = options.Contains(events) ? arguments.GetValue(events) : 0,
            Limit = TimeSpan.FromMinutes(options.Contains(minutes) ? arguments.GetValue(minutes) : 0),
        };
        return await MeasureAsync(() => run(bench, new ErrorLineProgress(), cancellationToken), arguments.GetValue(json), cancellationToken);
    });
    return command;
}

static async Task<int> MeasureAsync(Func<Task<Outcome>> run, bool forMachines, CancellationToken cancellationToken)
{
    if (!OperatingSystem.IsLinux())
    {
        Console.Error.WriteLine("The app is published for Linux, so the benchmarks run on Linux only.");
        return notMeasured;
    }

    try
    {
        var outcome = await run();
        outcome.Write(forMachines);
        return outcome.Targets.All(target => target.IsMet) ? met : missed;
    }
    catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
    {
        return notMeasured;
    }
    catch (Exception e) when (e is InvalidOperationException or IOException or Win32Exception or WorkerException)
    {
        Console.Error.WriteLine(e.Message);
        return notMeasured;
    }
}

static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
