using System.Net;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>Storage fails and recovers; the process is killed and starts again.</summary>
public sealed class OutageTests(OutageTests.Impatient running) : IClassFixture<OutageTests.Impatient>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_outage_of_storage_leaves_the_cached_policy_served_and_a_process_without_one_answers_503()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());

        await running.System.Azurite.SuspendAsync(Cancellation);
        await Task.Delay(Impatient.CacheTime + Impatient.CacheTime, Cancellation);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());

        // A new process has no copy, and reports that instead of a missing policy.
        running.System.Host.KillWorker();
        await running.System.Host.WaitForWorkerAsync(Cancellation);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync());

        await running.System.Azurite.ResumeAsync(Cancellation);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        while (await StatusAsync() != HttpStatusCode.OK)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
        }
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task A_worker_that_is_killed_repeatedly_loses_no_report_and_counts_none_twice()
    {
        // Fewer kills a batch than a message has tries: what is on its last try goes to the poison queue, where it is watched.
        const int batches = 4;
        const int batchSize = 16;
        const int killsPerBatch = 4;
        const int reports = batches * batchSize;
        var domain = new LabDomain("survivor.example", "All is well.") { Mx = [new LabMx("mx.survivor.example")] };
        await running.System.AddAsync(domain, Cancellation);
        var day = DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1);
        var random = new Random(8461);
        for (var batch = 0; batch < batches; batch++)
        {
            for (var n = batch * batchSize; n < (batch + 1) * batchSize; n++)
            {
                var report = new SampleReport($"Sender {n}", domain.Name, day, Sessions: 10, Failures: n % 2, "mx.survivor.example");
                await running.System.DropAsync($"files/{n}.json", report.ToJson(), Cancellation);
            }

            await running.System.Relay.RelayNowAsync(Cancellation);
            for (var kill = 0; kill < killsPerBatch; kill++)
            {
                await Task.Delay(random.Next(5, 120), Cancellation);
                running.System.Host.KillWorker();
                await running.System.Host.WaitForWorkerAsync(Cancellation);
            }

            await running.System.WhenIdleAsync(Cancellation);
        }

        var shown = await running.ShowAsync(domain.Name);
        Assert.Equal(reports, shown.GetProperty("reports").GetArrayLength());
        // A dropped file is not authenticated and is in no daily total, so each is counted here.
        long Sum(string what) => shown.GetProperty("reports").EnumerateArray().Sum(report => report.GetProperty("report").GetProperty(what).GetInt64());
        Assert.Equal(reports * 10, Sum("sessions"));
        Assert.Equal(reports / 2, Sum("failures"));
        Assert.All(shown.GetProperty("reports").EnumerateArray(), report =>
            Assert.Equal(report.GetProperty("report").GetProperty("failures").GetInt64(), report.GetProperty("failures").EnumerateArray().Sum(f => f.GetProperty("sessions").GetInt64())));
    }

    [Fact]
    public async Task A_worker_that_is_killed_repeatedly_during_checks_notifies_of_each_change_once()
    {
        string[] names = ["wrong-name.example", "plain.example", "uncovered.example", "expiring.example"];
        foreach (var name in names)
        {
            await running.System.AddAsync(LabDomains.Get(name), Cancellation);
        }

        var random = new Random(8460);
        for (var repetition = 0; repetition < 3; repetition++)
        {
            await running.System.Host.InvokeTimerAsync("ScheduleChecks", Cancellation);
            for (var kill = 0; kill < 4; kill++)
            {
                await Task.Delay(random.Next(5, 120), Cancellation);
                running.System.Host.KillWorker();
                await running.System.Host.WaitForWorkerAsync(Cancellation);
            }

            await running.System.WhenIdleAsync(Cancellation);
            await running.System.NotifyAsync(Cancellation);
        }

        foreach (var name in names)
        {
            Assert.Equal(LabDomains.Get(name).Expected, await running.FindingsAsync(name));
            var about = running.Mails.Where(mail => mail.Subject!.Contains($" {name}: ", StringComparison.Ordinal));
            Assert.Single(about);
        }
    }

    private async Task<HttpStatusCode> StatusAsync()
    {
        using var answer = await running.System.Client.GetAsync(running.System.Https("mta-sts.example.com", "/.well-known/mta-sts.txt"), Cancellation);
        return answer.StatusCode;
    }

    /// <summary>With a short cache, and a host that tolerates many crashes.</summary>
    public sealed class Impatient(AppUnderTest app) : RunningSystem(app)
    {
        public static TimeSpan CacheTime { get; } = TimeSpan.FromSeconds(1);

        protected override LocalSystemOptions Options => new()
        {
            FatalFailure = 1_000,
            Settings = new Dictionary<string, string> { ["Sts__CacheTime"] = $"{CacheTime}" },
        };
    }
}
