using System.Diagnostics;
using System.Text;
using Azure.Storage.Queues;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Time;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Storage.Checks;
using StsFunctions.Tests.Reports;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>A thousand events of every kind, good and bad, eight at a time: the small form of the benchmark of the same name.</summary>
public sealed class SoakTests(RunningSystem running) : IClassFixture<RunningSystem>
{
    private const int Events = 1_000;
    private const int AtOnce = 8;

    // What an instance of 512 MB has for the worker, beside the Functions host.
    private const long MaxResidentBytes = 220_000_000;

    private static readonly byte[] Bomb = Samples.Gzip(Encoding.ASCII.GetBytes(new string(' ', 60_000_000)));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task The_worker_stays_within_its_memory_budget_over_a_thousand_mixed_events()
    {
        foreach (var domain in LabDomains.Typical)
        {
            await running.System.AddAsync(domain, Cancellation);
        }

        await running.System.WhenIdleAsync(Cancellation);
        var process = running.System.Host.WorkerProcessId!.Value;

        await Parallel.ForAsync(0, Events, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = Cancellation }, async (n, _) => await EventAsync(n));
        await running.System.WhenIdleAsync(Cancellation);

        Assert.Equal(process, running.System.Host.WorkerProcessId);
        using var worker = Process.GetProcessById(process);
        // VmHWM on Linux.
        Assert.InRange(worker.PeakWorkingSet64, 0, MaxResidentBytes);
    }

    private Task EventAsync(int n) => (n % 20) switch
    {
        < 9 => PolicyAsync($"mta-sts.{Domain(n)}", 200),
        < 14 => PolicyAsync($"mta-sts.n{n}.unhosted.example", 404),
        < 16 => PostAsync(Report(n).ToGzip(), 201),
        < 18 => running.System.DropAsync($"soak/{n}.eml", Report(n).ToMail(), Cancellation),
        < 19 => (n / 20 % 3) switch
        {
            0 => PostAsync(Bomb, 400),
            1 => PostAsync((Report(n) with { Domain = $"n{n}.unhosted.example" }).ToGzip(), 403),
            _ => running.System.DropAsync($"soak/{n}.gz", Report(n).ToGzip()[..^20], Cancellation),
        },
        _ => CheckAsync(n),
    };

    private async Task PolicyAsync(string host, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(running.System.Host.HttpAddress, "/.well-known/mta-sts.txt"));
        request.Headers.Host = host;
        using var answer = await running.System.Client.SendAsync(request, Cancellation);
        Assert.Equal(status, (int)answer.StatusCode);
    }

    private async Task PostAsync(byte[] report, int status)
    {
        using var body = new ByteArrayContent(report);
        using var answer = await running.System.Client.PostAsync(running.System.Https(LocalSystem.AppHost, "/v1/tlsrpt"), body, Cancellation);
        Assert.Equal(status, (int)answer.StatusCode);
    }

    private Task CheckAsync(int n)
    {
        var queues = new QueueServiceClient(running.System.Azurite.ConnectionString, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 });
        return new CheckQueue(queues).SendAsync(new CheckRequest(Domain(n), CheckRunId.Of(DateTimeOffset.UtcNow.AddMilliseconds(n))), TimeSpan.Zero, Cancellation);
    }

    private static SampleReport Report(int n) =>
        new($"Sender {n}", Domain(n), DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1), Sessions: 1_000, Failures: n % 3 * 10, $"mx.{Domain(n)}");

    private static string Domain(int n) => LabDomains.Typical[n / 20 % LabDomains.Typical.Count].Name;
}
