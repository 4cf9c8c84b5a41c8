using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using StsFunctions.Bench;

[assembly: SupportedOSPlatform("linux")]

const string usage = """
    Measures the published app on this machine (Linux, x64).

      dotnet run --project bench -c Release -- serve       a cached policy: requests per second and p99, beside nginx
      dotnet run --project bench -c Release -- coldstart   from process start to the first policy, native beside JIT
      dotnet run --project bench -c Release -- policy      a policy read and written, beside a bare split of its lines
      dotnet run --project bench -c Release -- store       10,000 domains: a list, a domain, a change, beside bare storage calls
      dotnet run --project bench -c Release -- probe       SMTP sessions per second of a check, beside a bare SslStream
      dotnet run --project bench -c Release -- fleet       a round over 1,000 and over 10,000 domains: time, memory, and how both grow
      dotnet run --project bench -c Release -- reportstore a big report's rows, a small one's calls, and 90 days of a domain, beside bare storage calls
      dotnet run --project bench -c Release -- report      reports out of gzip, native, beside gunzip alone and Python

      --json    figures for machines on stdout, progress on stderr

    STS_BINARY names a native executable to measure; without it the app is published first, which takes minutes.
    Exit code: 0 the target is met, 1 it is missed, 2 nothing could be measured.

    """;
const int met = 0;
const int missed = 1;
const int notMeasured = 2;

var forMachines = args.Contains("--json");
Func<IProgress<string>, CancellationToken, Task<Outcome>>? bench = args.Where(argument => argument != "--json").ToArray() switch
{
    ["serve"] => ServeBench.RunAsync,
    ["coldstart"] => ColdStartBench.RunAsync,
    ["policy"] => PolicyBench.RunAsync,
    ["store"] => StoreBench.RunAsync,
    ["probe"] => ProbeBench.RunAsync,
    ["fleet"] => FleetBench.RunAsync,
    ["reportstore"] => ReportStoreBench.RunAsync,
    ["report"] => ReportBench.RunAsync,
    _ => null,
};
if (bench is null)
{
    Console.Error.Write(usage);
    return notMeasured;
}

if (!OperatingSystem.IsLinux())
{
    Console.Error.WriteLine("Native code for Azure's Linux is published and measured on Linux: run this there.");
    return notMeasured;
}

using var stopping = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    // The processes that were started are ended in their order.
    signal.Cancel = true;
    stopping.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
try
{
    var outcome = await bench(new ErrorLineProgress(), stopping.Token);
    outcome.Write(forMachines);
    return outcome.Target.IsMet ? met : missed;
}
catch (OperationCanceledException) when (stopping.IsCancellationRequested)
{
    return notMeasured;
}
catch (Exception e) when (e is InvalidOperationException or IOException or Win32Exception)
{
    Console.Error.WriteLine(e.Message);
    return notMeasured;
}
