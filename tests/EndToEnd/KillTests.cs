using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Core.Time;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Storage;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>
/// The binary, killed with SIGKILL in the middle of whatever it does to storage: at each of its calls in turn, and hundreds
/// of times at random. Afterwards, once a round has gone over every domain, all that must hold of the store holds.
/// </summary>
public sealed partial class KillTests(KillTests.Fragile running) : IClassFixture<KillTests.Fragile>
{
    private const int RandomKills = 200;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_at_each_storage_call_of_a_command_it_leaves_nothing_that_a_round_does_not_make_whole()
    {
        var kills = 0;
        foreach (var command in (string[])["add", "replace", "move", "remove"])
        {
            foreach (var before in (bool[])[true, false])
            {
                for (var (call, wasKilled) = (1, true); wasKilled; call++)
                {
                    var domain = $"{command}{call}{(before ? "b" : "a")}.example";
                    if (command != "add")
                    {
                        await CommandAsync(new Trigger(0, before), "add", domain, "--policy", PolicyFile(0));
                    }

                    var ended = await CommandAsync(new Trigger(call, before), command switch
                    {
                        "remove" => ["remove", domain, "--force"],
                        "move" => ["add", domain, "--policy", PolicyFile(0), "--group", "others"],
                        _ => ["add", domain, "--policy", PolicyFile(1)],
                    });
                    wasKilled = ended.WasKilled;
                    kills += wasKilled ? 1 : 0;
                    Assert.True(wasKilled || ended.ExitCode == 0, ended.Errors);
                }
            }
        }

        await SettleAsync();
        await StoreInvariants.AssertAsync(running.Store, Told());
        // Each command has some ten calls; were the wire not in their way, none of this would have been tested.
        Assert.InRange(kills, 50, 500);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task Killed_at_each_storage_call_of_a_function_it_leaves_nothing_that_the_next_run_does_not_make_whole()
    {
        var domain = new LabDomain("called.example", "All is well.") { Mx = [new LabMx("mx.called.example")] };
        await running.System.AddAsync(domain, Cancellation);
        await SettleAsync();
        var kills = 0;
        var reports = 0;
        foreach (var function in (string[])["CheckDomain", "SendPendingNotifications", "SendNotifications", "IngestReport", "Reprocess", "Quarantine", "EvaluateReports", "EvaluateDomainReports"])
        {
            foreach (var before in (bool[])[true, false])
            {
                for (var (call, wasKilled) = (1, true); wasKilled; call++)
                {
                    // Something to record, to tell and to read, each time.
                    running.System.MailLab.Mx("mx.called.example").Script = call % 2 == 0 ? SmtpScript.Good : SmtpScript.Plain;
                    var check = new CheckRequest(domain.Name, CheckRunId.Of(DateTimeOffset.UtcNow));
                    if (function is "SendPendingNotifications" or "SendNotifications")
                    {
                        await SendAsync(StorageNames.DomainChecksQueue, JsonSerializer.Serialize(check, CheckRequestJson.Default.CheckRequest));
                        await WhenIdleAsync();
                    }

                    if (function == "Quarantine")
                    {
                        await QuarantineAsync(domain.Name, ++reports);
                    }
                    else if (function is "EvaluateReports" or "EvaluateDomainReports")
                    {
                        // Failures that come and go: each run has something to record.
                        await ReportOnAsync(domain.Name, call);
                    }

                    running.Arm(new Trigger(call, before));
                    switch (function)
                    {
                        case "Reprocess":
                            await SendAsync(StorageNames.ReportArrivalsQueue, ReprocessRequest.One(StorageNames.ReportsContainer, RawReportId.Parse(await RawOfAsync(domain.Name, 1 + (call % reports)))).ToJson());
                            break;
                        case "Quarantine":
                            await SendAsync(StorageNames.ReportArrivalsQueue, ReprocessRequest.One(StorageNames.QuarantineContainer, RawReportId.Parse(QuarantineName(reports))).ToJson());
                            break;
                        case "EvaluateReports":
                            await TimerAsync("EvaluateReports");
                            break;
                        case "EvaluateDomainReports":
                            await SendAsync(StorageNames.EvaluationsQueue, new DomainMessage($"evaluated.{domain.Name}").ToJson());
                            break;
                        case "SendNotifications":
                            await SendAsync(StorageNames.NotificationsQueue, new DomainMessage(domain.Name).ToJson());
                            break;
                        case "CheckDomain":
                            await SendAsync(StorageNames.DomainChecksQueue, JsonSerializer.Serialize(check, CheckRequestJson.Default.CheckRequest));
                            break;
                        case "SendPendingNotifications":
                            await TimerAsync("SendPendingNotifications");
                            break;
                        default:
                            await DropAsync(domain.Name, ++reports);
                            break;
                    }

                    await WhenIdleAsync();
                    wasKilled = running.Disarm();
                    kills += wasKilled ? 1 : 0;
                }
            }
        }

        // What was killed on its way out of quarantine is asked for again, as the queue does until it is done.
        await SettleAsync();
        await StoreInvariants.AssertAsync(running.Store, Told());
        await AssertReportsAsync(domain.Name, reports);
        Assert.Empty(await new BlobContainerClient(running.System.Azurite.ConnectionString, StorageNames.QuarantineContainer).GetBlobsAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
        Assert.InRange(kills, 80, 1_000);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task Killed_a_hundred_times_over_hundreds_of_reports_that_come_by_several_ways_each_is_there_once()
    {
        const int count = 300;
        var random = new Random(8460);
        var domain = new LabDomain("hundreds.example", "All is well.") { Mx = [new LabMx("mx.hundreds.example")] };
        await running.System.AddAsync(domain, Cancellation);
        var kills = 0;
        for (var number = 1; number <= count; number++)
        {
            // A third by one way, a third by a second one too, a third also with the message of the first once more, or read again.
            await DropAsync(domain.Name, number);
            if (number % 3 != 0)
            {
                await DropAsync(domain.Name, number, " by another way", random.Next(2) == 0);
            }

            if (number % 3 == 1)
            {
                await SendAsync(StorageNames.ReportArrivalsQueue, BlobCreatedEvent.Again($"{domain.Name}/{number}.json"));
            }

            if (number % 10 == 0)
            {
                await SendAsync(StorageNames.ReportArrivalsQueue, ReprocessRequest.Days(StorageNames.ReportsContainer, Today, Today).ToJson());
                await TimerAsync("EvaluateReports");
            }

            if (number % 3 == 0)
            {
                running.Arm(new Trigger(random.Next(1, 25), random.Next(2) == 0, After: TimeSpan.FromMilliseconds(random.Next(3) == 0 ? random.Next(30) : 0)));
                await WhenIdleAsync();
                kills += running.Disarm() ? 1 : 0;
            }
        }

        await SettleAsync();
        await StoreInvariants.AssertAsync(running.Store, Told());
        await AssertReportsAsync(domain.Name, count);
        Assert.InRange(kills, 50, count);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    [Trait("Conformance", "GET-6")]
    public async Task Killed_hundreds_of_times_at_random_under_random_load_it_loses_and_doubles_nothing()
    {
        var random = new Random(8461);
        LabDomain[] domains = [.. "abcd".Select(name => new LabDomain($"{name}.random.example", "All is well.") { Mx = [new LabMx($"mx1.{name}.random.example"), new LabMx($"mx2.{name}.random.example")] })];
        foreach (var domain in domains)
        {
            await running.System.AddAsync(domain, Cancellation);
        }

        // The one that reports are on is never removed, so that none of them may be refused.
        var (steady, others) = (domains[0], domains[1..]);
        var promised = new List<(string Domain, string PolicyId)>();
        var (kills, reports) = (0, 0);
        while (kills < RandomKills)
        {
            running.Arm(new Trigger(random.Next(1, 30), random.Next(2) == 0, After: TimeSpan.FromMilliseconds(random.Next(3) == 0 ? random.Next(30) : 0)));
            switch (random.Next(7))
            {
                case 0:
                case 1:
                    var domain = domains[random.Next(domains.Length)].Name;
                    // Two at once, now and then: one of them is told so.
                    var writers = await Task.WhenAll(Enumerable.Range(0, random.Next(1, 3)).Select(_ =>
                        CommandAsync(new Trigger(random.Next(1, 20), random.Next(2) == 0), "add", domain, "--policy", PolicyFile(random.Next(6)), "--json")));
                    kills += writers.Count(writer => writer.WasKilled);
                    foreach (var writer in writers.Where(writer => writer is { WasKilled: false, ExitCode: 0 }))
                    {
                        using var json = JsonDocument.Parse(writer.Output);
                        promised.Add((domain, json.RootElement.GetProperty("policyId").GetString()!));
                    }

                    break;
                case 2:
                    var removed = await CommandAsync(new Trigger(random.Next(1, 20), random.Next(2) == 0), "remove", others[random.Next(others.Length)].Name, "--force");
                    kills += removed.WasKilled ? 1 : 0;
                    break;
                case 3:
                    var host = running.System.MailLab.Mx($"mx{random.Next(1, 3)}.{"abcd"[random.Next(4)]}.random.example");
                    host.Script = random.Next(2) == 0 ? SmtpScript.Good : SmtpScript.Plain;
                    await TimerAsync("ScheduleChecks");
                    break;
                case 4:
                    await DropAsync(steady.Name, ++reports);
                    // And the same again, as a sender that had no answer does.
                    await DropAsync(steady.Name, reports, " again");
                    break;
                case 5:
                    await TimerAsync("SendPendingNotifications");
                    break;
                default:
                    await TimerAsync("RequeueStaleReports");
                    await TimerAsync("PurgeExpired");
                    await WhenIdleAsync();
                    break;
            }

            kills += running.Disarm() ? 1 : 0;
        }

        await SettleAsync();
        await StoreInvariants.AssertAsync(running.Store, Told());
        await AssertReportsAsync(steady.Name, reports);
        foreach (var (domain, id) in promised)
        {
            Assert.Contains(id, (await running.Store.Domains.ReadAsync(domain, Cancellation)).Policies.Select(policy => policy.Id));
        }
    }

    private async Task AssertReportsAsync(string domain, int count)
    {
        var reports = await running.Store.Reports.ReadAsync(DomainName.Parse(domain), DateOnly.MinValue, Cancellation);
        Assert.Equal(Enumerable.Range(1, count).Select(n => $"Sender {n}").Order(StringComparer.Ordinal), reports.Select(report => report.Submitter).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(reports, report => report.Superseded);
        Assert.Equal(count * 10L, reports.Sum(report => report.Sessions));
        Assert.Equal(count, reports.Sum(report => report.Failures));
    }

    // No more kills: what is under way ends, what was left behind in the inbox is taken up as the sweep does, a round goes over every domain, and everything is told.
    private async Task SettleAsync()
    {
        await WhenIdleAsync();
        await foreach (var blob in new BlobContainerClient(running.System.Azurite.ConnectionString, StorageNames.InboxContainer).GetBlobsAsync(cancellationToken: Cancellation))
        {
            await SendAsync(StorageNames.ReportArrivalsQueue, BlobCreatedEvent.Again(blob.Name));
        }

        await WhenIdleAsync();
        await running.System.CheckAllAsync(Cancellation);
        await running.System.NotifyAsync(Cancellation);
    }

    private async Task WhenIdleAsync()
    {
        await running.System.Host.WaitForWorkerAsync(Cancellation);
        await running.System.WhenIdleAsync(Cancellation);
    }

    // A run that was cut off by the kill is over, and the next one is asked for by its schedule.
    private async Task TimerAsync(string name)
    {
        await running.System.Host.WaitForWorkerAsync(Cancellation);
        await Record.ExceptionAsync(() => running.System.Host.InvokeTimerAsync(name, Cancellation));
    }

    private static DateOnly Today => DateOnly.FromDateTime(DateTime.UtcNow);

    private static SampleReport SampleOf(string domain, int number) =>
        new($"Sender {number}", domain, Today.AddDays(-1 - (number % 20)), Sessions: 10, Failures: 1, $"mx1.{domain}");

    private async Task DropAsync(string domain, int number, string suffix = "", bool byMail = false)
    {
        var report = SampleOf(domain, number);
        await running.System.DropAsync($"{domain}/{number}{suffix}.json", byMail ? report.ToMail() : report.ToJson(), Cancellation);
        await running.System.Relay.RelayNowAsync(Cancellation);
    }

    // As it lies there once the fault is mended that brought it there.
    private async Task QuarantineAsync(string domain, int number) =>
        await new BlobContainerClient(running.System.Azurite.ConnectionString, StorageNames.QuarantineContainer).GetBlobClient(QuarantineName(number))
            .UploadAsync(new BinaryData(SampleOf(domain, number).ToJson()), Cancellation);

    private static string QuarantineName(int number) => string.Create(CultureInfo.InvariantCulture, $"{Today:yyyy-MM-dd}/{ContentHash.Of(number.ToString(CultureInfo.InvariantCulture))}");

    private async Task<string> RawOfAsync(string domain, int number) =>
        (await running.Store.Reports.ReadAsync(DomainName.Parse(domain), DateOnly.MinValue, Cancellation)).First(report => report.Submitter == $"Sender {number}").Blob;

    // A sender that counts says that all is well, or that all fails: straight into the store, as there is nobody here to sign mail.
    private async Task ReportOnAsync(string domain, int call)
    {
        var evaluated = DomainName.Parse($"evaluated.{domain}");
        if (!running.System.MailLab.Has(evaluated.Value))
        {
            await running.System.AddAsync(new LabDomain(evaluated.Value, "All is well.") { Mx = [new LabMx($"mx.{evaluated}")] }, Cancellation);
            await WhenIdleAsync();
        }

        var failures = call % 2 == 0 ? 0 : 100;
        var start = new DateTimeOffset(Today.AddDays(-1), TimeOnly.MinValue, TimeSpan.Zero);
        ReportFailure[] details = failures == 0 ? [] : [new("certificate-expired", "mx", "", failures, "")];
        await new BlobContainerClient(running.System.Azurite.ConnectionString, StorageNames.ReportsContainer).GetBlobClient("evaluated").UploadAsync(new BinaryData("{}"), overwrite: true, Cancellation);
        await running.Store.Reports.ReplaceAsync(
            new Report(evaluated.Value, "Evaluated", "id", start, start.AddDays(1), "sts", 10, failures, ReportSource.Mail, AuthenticationResult.Aligned, start.AddDays(1), "evaluated", "evaluated")
            {
                Digest = ReportDigest.Of([("sts", 10, failures)], details),
            },
            details,
            Cancellation);
    }

    private Task<Azure.Response<Azure.Storage.Queues.Models.SendReceipt>> SendAsync(string queue, string text) =>
        new QueueClient(running.System.Azurite.ConnectionString, queue, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 }).SendMessageAsync(text, Cancellation);

    // Six policies: three modes, each with all MX hosts or without.
    private string PolicyFile(int number)
    {
        var path = Path.Combine(running.System.MailFolder, "..", string.Create(CultureInfo.InvariantCulture, $"kill{number}.txt"));
        var mode = ((string[])["enforce", "testing", "none"])[number % 3];
        File.WriteAllText(path, $"version: STSv1\nmode: {mode}\nmx: *.{(number < 3 ? "random.example" : "elsewhere.example")}\nmax_age: 604800\n");
        return path;
    }

    private async Task<Ended> CommandAsync(Trigger trigger, params string[] arguments)
    {
        var start = new ProcessStartInfo(running.Command, ["domain", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in running.System.Settings)
        {
            start.Environment[name] = value;
        }

        await using var wire = await FaultInjectionProxy.StartAsync(running.System.Azurite.ConnectionString, Cancellation);
        start.Environment["AzureWebJobsStorage"] = wire.ConnectionString;
        using var process = Process.Start(start)!;
        var killer = new Killer(trigger, () => process.Kill());
        wire.OnCall = killer.OnCall;
        var output = process.StandardOutput.ReadToEndAsync(Cancellation);
        var errors = process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        return new Ended(killer.HasKilled && process.ExitCode is not (0 or 1), process.ExitCode, await output, await errors);
    }

    // The warnings as they were mailed, by their ids.
    private List<string> Told() =>
    [
        .. running.Mails.Select(mail => mail.TextBody!).SelectMany(text => Warning().Matches(text).Select(match =>
        {
            var where = Where().Match(text).Groups[1].Value;
            return $"{(where == "this installation" ? Installation.Partition : where)} {match.Groups[1].Value.Trim()}";
        })),
    ];

    [GeneratedRegex(@"^MTA-STS of (.+): \d+ change")]
    private static partial Regex Where();

    [GeneratedRegex("^  id: +(.+)$", RegexOptions.Multiline)]
    private static partial Regex Warning();

    /// <summary>When to kill.</summary>
    /// <param name="Call">At which of the calls that matter, from 1 on; 0 for never.</param>
    /// <param name="Before">Before storage has seen it, or once it has done it.</param>
    /// <param name="After">Not at the call itself, but so long after it was let through.</param>
    internal sealed record Trigger(int Call, bool Before, TimeSpan After = default);

    private sealed record Ended(bool WasKilled, int ExitCode, string Output, string Errors);

    private sealed class Killer(Trigger trigger, Action kill)
    {
        private int _calls;

        public bool HasKilled { get; private set; }

        public Fault.Cut? OnCall(StorageCall call)
        {
            if (!Matters(call) || Interlocked.Increment(ref _calls) != trigger.Call)
            {
                return null;
            }

            if (trigger.After > TimeSpan.Zero)
            {
                _ = Task.Delay(trigger.After, CancellationToken.None).ContinueWith(_ => Kill(), TaskScheduler.Default);
                return null;
            }

            return new Fault.Cut(trigger.Before, Kill);
        }

        private void Kill()
        {
            HasKilled = true;
            kill();
        }

        // Not the making of containers, queues and tables, and not the Functions host's own talk with its queues.
        private static bool Matters(StorageCall call) => call.Service switch
        {
            "queue" => call.Method == "POST" && !call.Target.Contains("-poison", StringComparison.Ordinal),
            "table" => !call.Target.Contains("/Tables", StringComparison.Ordinal),
            _ => !call.Target.Contains("restype=container", StringComparison.Ordinal),
        };
    }

    /// <summary>The system whose app reaches its storage by a wire at which it can be killed.</summary>
    public sealed class Fragile(AppUnderTest app) : RunningSystem(app), IAsyncLifetime
    {
        private FaultInjectionProxy? _wire;
        private Killer? _killer;

        public string Command { get; } = app.Command;

        internal TestStorage Store { get; private set; } = null!;

        protected override LocalSystemOptions Options => new()
        {
            FatalFailure = int.MaxValue,
            WorkerRestartDelay = TimeSpan.Zero,
            RedirectStorage = async (straight, cancellationToken) =>
            {
                _wire = await FaultInjectionProxy.StartAsync(straight, cancellationToken);
                return _wire.ConnectionString;
            },
        };

        public new async ValueTask InitializeAsync()
        {
            await base.InitializeAsync();
            Store = new TestStorage(System.Azurite.ConnectionString);
            await StorageLayout.EnsureAsync(Store.Blobs, Store.Queues, Store.Tables, Cancellation);
        }

        public new async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            await _wire!.DisposeAsync();
        }

        internal void Arm(Trigger trigger)
        {
            _killer = new Killer(trigger, System.Host.KillWorker);
            _wire!.OnCall = _killer.OnCall;
        }

        internal bool Disarm()
        {
            _wire!.OnCall = _ => null;
            return _killer!.HasKilled;
        }
    }
}
