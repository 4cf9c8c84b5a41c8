using System.Globalization;
using System.Net;
using System.Text;
using Azure;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Probes;
using StsFunctions.Storage.Reports;
using StsFunctions.Storage.Retention;
using StsFunctions.Tests.Notifications;
using StsFunctions.Tests.Reports;
using StsFunctions.UseCases.Policies;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Storage;

/// <summary>
/// Everything that writes, over a storage that is bad at each of its calls in turn: busy, or breaking the connection before
/// or after it did what it was asked. A fault that passes is not noticed; one that stays is a clear failure, and never a half state.
/// </summary>
public sealed class StorageFaultTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Round = "20260314130000000";
    private const int MaxCalls = 200;
    private static readonly Policy First = PolicyOf("mx1");
    private static readonly Policy Second = PolicyOf("mx2");
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");

    private static readonly Dictionary<string, Work> WorkByName = new()
    {
        ["add a domain"] = new(
            Before: (_, _) => Task.CompletedTask,
            Do: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Now),
            AssertDone: async (on, domain) => Assert.Equal(First.ToBytes(), (await on.Domains.ReadAsync(domain.Value, Now)).Newest!.Bytes)),
        ["publish another policy"] = new(
            Before: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Now),
            Do: (on, domain) => on.Publisher.PublishAsync(domain, Second, null, Now),
            AssertDone: async (on, domain) => Assert.Equal([First.ToBytes(), Second.ToBytes()], (await on.Domains.ReadAsync(domain.Value, Now)).Policies.Select(policy => policy.Bytes))),
        ["move to another group"] = new(
            Before: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Now),
            Do: (on, domain) => on.Publisher.PublishAsync(domain, First, "others", Now),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Now);
                Assert.Single(partition.Policies);
                Assert.Equal("others", partition.Record!.Group);
            }),
        ["remove a domain"] = new(
            Before: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Now),
            Do: (on, domain) => on.Publisher.RemoveAsync(domain, force: true, Now),
            AssertDone: async (on, domain) => Assert.Equal(DomainState.Removed, (await on.Domains.ReadAsync(domain.Value, Now)).Record!.State)),
        ["record what a look found"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await RecordAsync(on, domain, "20260314120000000", FindingAt("old"), FindingAt("worse"));
            },
            Do: (on, domain) => RecordAsync(on, domain, Round, FindingAt("new"), FindingAt("worse") with { Severity = Severity.Critical }),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Now);
                Assert.Equal(["new", "worse"], partition.Findings.Select(open => open.Finding.Subject).Order());
                Assert.Equal(5, partition.Outbox.Count);
            }),
        ["tell the warnings"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await RecordAsync(on, domain, Round, FindingAt("one"), FindingAt("two"));
                await on.Summaries.ProjectAsync(domain, Now);
            },
            Do: (on, _) => on.Dispatcher(null).RunAsync(Now),
            AssertDone: async (on, domain) => Assert.Empty((await on.Domains.ReadAsync(domain.Value, Now)).Outbox)),
        ["notify of one domain"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await RecordAsync(on, domain, Round, FindingAt("one"), FindingAt("two"));
            },
            Do: (on, domain) => on.Dispatcher(null).RunAsync(new DomainMessage(domain.Value).ToJson(), Now),
            AssertDone: async (on, domain) => Assert.Empty((await on.Domains.ReadAsync(domain.Value, Now)).Outbox)),
        ["mail the warnings"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await RecordAsync(on, domain, Round, FindingAt("one"), FindingAt("two"));
                await on.Summaries.ProjectAsync(domain, Now);
            },
            Do: (on, _) => on.Dispatcher(new MailOrderTests.RecordingEmailSender(), mailsPerHour: 10_000).RunAsync(Now),
            AssertDone: async (on, domain) => Assert.Empty((await on.Domains.ReadAsync(domain.Value, Now)).Outbox)),
        ["take a report in"] = new(
            Before: (_, _) => Task.CompletedTask,
            Do: async (on, domain) =>
            {
                using var raw = RawOf(domain);
                await on.Inbox.PutAsync(raw, ReportSource.Mailbox, Now);
            },
            AssertDone: async (on, domain) =>
            {
                using var raw = RawOf(domain);
                var opened = (await on.Inbox.OpenAsync(BlobName.Parse(Keys.RawReport(TestStorage.Noon, raw.ToArray())), Now))!.Value;
                await opened.Content.DisposeAsync();
                Assert.Equal(ReportSource.Mailbox, (await on.Inbox.VerifyAsync(opened.Arrival, raw, Now)).Source);
            }),
        ["carry retention out"] = new(
            Before: async (on, domain) =>
            {
                var old = await ReportAsync(on, domain, 2) with { Start = TestStorage.Noon.AddDays(-500) };
                await on.Reports.StoreAsync(old, [new("certificate-expired", "mx1.example", "", 2, "")], Now);
                await on.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer).GetBlobClient($"{domain}/{Keys.InvertedTimestamp(TestStorage.Noon.AddDays(-500))}").UploadAsync(new BinaryData("{}"), overwrite: true, Now);
            },
            Do: (on, _) => on.RetentionBy(new RetentionOptions()).RunAsync(on.Time.GetUtcNow(), (_, purge) => purge(), Now),
            AssertDone: async (on, domain) =>
            {
                Assert.Empty(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Now));
                Assert.Empty(await on.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer).GetBlobsAsync(cancellationToken: Now).ToListAsync(Now));
                var failures = on.Tables.GetTableClient(StorageNames.ReportFailuresTable).QueryAsync<Azure.Data.Tables.TableEntity>(cancellationToken: Now);
                Assert.Empty(await failures.ToListAsync(Now));
            },
            // Else the next run would have nothing to do for a day.
            After: async (on, _) =>
            {
                foreach (var kind in (await new RetentionCursorStore(on.Tables).ReadAsync(Now)).Keys)
                {
                    await on.Tables.GetTableClient(StorageNames.DomainsTable).DeleteEntityAsync(Installation.Partition, Keys.RetentionPrefix + kind, cancellationToken: Now);
                }
            }),
        ["read a report"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                var details = Enumerable.Range(0, 150).Select(n => Samples.Failure("certificate-expired", $"mx{n}.example", "192.0.2.1", 1)).ToArray();
                using var raw = new MemoryStream();
                raw.Write(Samples.Json(Samples.Policy(domain.Value, failures: 150, details: details)));
                await on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient($"{domain}.json").UploadAsync(new BinaryData(raw.ToArray()), overwrite: true, Now);
            },
            Do: (on, domain) => Ingest.FunctionOn(on, NullLogger<ReportIngestion>.Instance).RunAsync(BlobCreatedEvent.Again($"{domain}.json"), Now),
            AssertDone: async (on, domain) =>
            {
                var report = Assert.Single(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Now));
                Assert.Equal(150, (await on.Reports.ReadFailuresAsync(report, Now)).Count);
                Assert.False(await on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient($"{domain}.json").ExistsAsync(Now));
            }),
        ["read a report again"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await on.Reports.StoreAsync(await ReportAsync(on, domain, 2), [new("certificate-expired", "mx1.example", "", 2, "")], Now);
                await on.Summaries.ProjectAsync(domain, Now);
            },
            Do: async (on, domain) =>
            {
                await on.Reports.ReplaceAsync(await ReportAsync(on, domain, 3), [new("certificate-expired", "mx1.example", "", 3, "")], Now);
                await on.Summaries.ProjectAsync(domain, Now);
            },
            AssertDone: async (on, domain) => Assert.Equal(3, Assert.Single(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Now)).Failures)),
        ["have a report in quarantine read again"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await on.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobClient(QuarantinedAs(domain).Value).UploadAsync(
                    new BinaryData(Samples.Json(Samples.Policy(domain.Value, details: Samples.Failure("certificate-expired", "mx1.example", "192.0.2.1", 10)))), overwrite: true, Now);
            },
            Do: (on, domain) => Ingest.FunctionOn(on, NullLogger<ReportIngestion>.Instance).RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, QuarantinedAs(domain)).ToJson(), Now),
            AssertDone: async (on, domain) =>
            {
                Assert.Equal(10, Assert.Single(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Now)).Failures);
                Assert.False(await on.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobClient(QuarantinedAs(domain).Value).ExistsAsync(Now));
            }),
        ["judge reports"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await on.Reports.StoreAsync(await ReportAsync(on, domain, 20), [new("certificate-expired", "mx1.example", "", 20, "")], Now);
                await on.Summaries.ProjectAsync(domain, Now);
            },
            Do: (on, _) => on.EvaluateReports().RunAsync(Now),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Now);
                Assert.Equal("report.session.failed", Assert.Single(partition.Findings).Finding.Code);
                Assert.Single(partition.Outbox);
            },
            // It walks the whole fleet, whose calls would grow with every call that is tried.
            After: async (on, domain) =>
            {
                await on.Publisher.RemoveAsync(domain, force: true, Now);
                await on.Summaries.ProjectAsync(domain, Now);
            }),
        ["evaluate the reports on one domain"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Now);
                await on.Reports.StoreAsync(await ReportAsync(on, domain, 20), [new("certificate-expired", "mx1.example", "", 20, "")], Now);
            },
            Do: (on, domain) => on.EvaluateReports().RunAsync(new DomainMessage(domain.Value).ToJson(), Now),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Now);
                Assert.Equal("report.session.failed", Assert.Single(partition.Findings).Finding.Code);
                Assert.Single(partition.Outbox);
            }),
        ["take up what was left behind"] = new(
            Before: (on, domain) => on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient($"{domain}.json").UploadAsync(new BinaryData("{}"), overwrite: true, Now),
            Do: (on, _) => on.Requeuer(new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(2))).RunAsync(Now),
            AssertDone: async (on, domain) =>
            {
                var inbox = on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer);
                var tries = (await inbox.GetBlobClient($"{domain}.json").GetPropertiesAsync(cancellationToken: Now)).Value.Metadata["tries"];
                // A run that was cut off after it has asked counts, and asks again: one message too many does no harm.
                Assert.Contains(tries, (string[])["1", "2"]);
                Assert.NotNull((await on.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue).PeekMessageAsync(Now)).Value);
                await inbox.DeleteBlobAsync($"{domain}.json", cancellationToken: Now);
            }),
        ["share a look at an MX host"] = new(
            Before: (_, _) => Task.CompletedTask,
            Do: async (on, domain) =>
            {
                if (await on.MxHosts.ClaimAsync(domain.Value, Address, Round, TimeSpan.FromMinutes(2), null, Now) is MxClaim.Leased leased)
                {
                    await on.MxHosts.StoreAsync(leased.Lease, Round, "seen"u8.ToArray(), Now);
                }
            },
            // A claim whose answer was lost is one that runs out: nobody looks twice, and nobody waits forever.
            AssertDone: async (on, domain) => Assert.True(await on.MxHosts.ClaimAsync(domain.Value, Address, Round, TimeSpan.FromMinutes(2), null, Now)
                is MxClaim.Probed or MxClaim.Busy)),
    };

    private FaultInjectionProxy _wire = null!;
    private TestStorage _good = null!;
    private TestStorage _bad = null!;

    public static TheoryData<string> Works => [.. WorkByName.Keys];

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _good = await TestStorage.CreateAsync(azurite);
        _wire = await FaultInjectionProxy.StartAsync(_good.ConnectionString, Now);
        _bad = new TestStorage(_wire.ConnectionString, networkTimeout: TimeSpan.FromSeconds(2));
    }

    public ValueTask DisposeAsync() => _wire.DisposeAsync();

    [Theory]
    [MemberData(nameof(Works))]
    public async Task A_storage_that_is_busy_once_at_any_call_is_not_noticed(string work) =>
        await AtEachCallAsync(work, call => new Fault.Answer(call % 2 == 0 ? 503 : 429, RetryAfter: call % 3 == 0 ? "1" : null));

    [Theory]
    [MemberData(nameof(Works))]
    public async Task A_connection_that_breaks_at_any_call_before_storage_has_seen_it_is_not_noticed(string work) =>
        await AtEachCallAsync(work, _ => Fault.CutBefore);

    [Theory]
    [MemberData(nameof(Works))]
    public async Task An_answer_that_is_lost_at_any_call_though_storage_has_done_it_is_not_noticed(string work) =>
        await AtEachCallAsync(work, _ => Fault.CutAfter);

    [Theory]
    [MemberData(nameof(Works))]
    public async Task A_storage_that_goes_away_at_any_call_is_a_clear_failure_and_the_next_try_makes_it_whole(string work)
    {
        for (var (call, calls) = (0, int.MaxValue); call < calls; call++)
        {
            var domain = DomainOf(call);
            await WorkByName[work].Before(_good, domain);
            var seen = 0;
            _wire.OnCall = _ => Interlocked.Increment(ref seen) > call ? new Fault.Answer(503, RetryAfter: "3600") : null;

            var failure = await Record.ExceptionAsync(() => WorkByName[work].Do(_bad, domain));

            if (failure is null)
            {
                // It was done before the fault came.
                calls = call;
            }
            else
            {
                AssertClear(failure);
            }

            _wire.OnCall = _ => null;
            await HealAsync(work, domain);
            await AssertDoneAsync(work, domain, call);
        }
    }

    [Theory]
    [InlineData("503")]
    [InlineData("429")]
    [InlineData("429 in an hour")]
    [InlineData("cut")]
    [InlineData("silence")]
    public async Task However_a_storage_fails_the_tries_are_few_and_the_failure_is_clear(string how)
    {
        var calls = 0;
        _wire.OnCall = _ =>
        {
            Interlocked.Increment(ref calls);
            return how switch
            {
                "503" => new Fault.Answer(503),
                "429" => new Fault.Answer(429),
                "429 in an hour" => new Fault.Answer(429, RetryAfter: "3600"),
                "cut" => Fault.CutBefore,
                _ => new Fault.Silence(),
            };
        };

        var failure = await Record.ExceptionAsync(() => _bad.Publisher.PublishAsync(DomainOf(0), First, null, Now));

        AssertClear(failure);
        Assert.Equal(how == "429 in an hour" ? 1 : 4, calls);
        Assert.Empty((await _good.Domains.ReadAsync(DomainOf(0).Value, Now)).Policies);
    }

    [Fact]
    public async Task A_publication_that_storage_fails_half_way_says_that_it_stands_and_will_be_carried_through()
    {
        // All is well until the policy is to be put where it is served from.
        _wire.OnCall = call => call is { Service: "blob", Method: "PUT" } ? new Fault.Answer(503, RetryAfter: "3600") : null;

        var pending = await Assert.ThrowsAsync<ChangePendingException>(() => _bad.Publisher.PublishAsync(DomainOf(0), First, null, Now));

        Assert.Contains("completes it within minutes", pending.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', pending.Message);
        Assert.Single((await _good.Domains.ReadAsync(DomainOf(0).Value, Now)).Policies);
        Assert.Equal(1, (await _good.Queues.GetQueueClient(StorageNames.DomainChecksQueue).GetPropertiesAsync(Now)).Value.ApproximateMessagesCount);
    }

    private async Task AtEachCallAsync(string work, Func<int, Fault> fault)
    {
        for (var (call, calls) = (1, int.MaxValue); call <= calls; call++)
        {
            var domain = DomainOf(call);
            await WorkByName[work].Before(_good, domain);
            var seen = 0;
            _wire.OnCall = _ => Interlocked.Increment(ref seen) == call ? fault(call) : null;

            await WorkByName[work].Do(_bad, domain);

            _wire.OnCall = _ => null;
            if (seen < call)
            {
                calls = call;
            }

            await AssertDoneAsync(work, domain, call);
        }
    }

    private async Task AssertDoneAsync(string work, DomainName domain, int call)
    {
        await WorkByName[work].AssertDone(_good, domain);
        await StoreInvariants.AssertAsync(_good);
        if (WorkByName[work].After is { } after)
        {
            await after(_good, domain);
        }

        Assert.True(call < MaxCalls, $"To {work} takes ever more calls.");
    }

    // As the queue and the round do: the same again, and what handling a domain's message always does.
    private async Task HealAsync(string work, DomainName domain)
    {
        await _good.Publisher.FinishAsync(domain, await _good.Domains.ReadAsync(domain.Value, Now), Now);
        await _good.Summaries.ProjectAsync(domain, Now);
        await WorkByName[work].Do(_good, domain);
        await _good.Summaries.ProjectAsync(domain, Now);
    }

    private static void AssertClear(Exception? failure)
    {
        // The storage client tells the failure of every try; whoever catches it says it in a line.
        Assert.True(
            failure is RequestFailedException or ChangePendingException or AggregateException
            && !failure.Message.Contains("Object reference", StringComparison.Ordinal),
            failure?.ToString() ?? "no failure at all");
    }

    private static DomainName DomainOf(int call) => DomainName.Parse(string.Create(CultureInfo.InvariantCulture, $"d{call}.example"));

    private static MemoryStream RawOf(DomainName domain)
    {
        var raw = new MemoryStream();
        raw.Write(Encoding.UTF8.GetBytes(domain.Value));
        return raw;
    }

    private static RawReportId QuarantinedAs(DomainName domain) => RawReportId.Parse($"2026-03-14/{ContentHash.Of(domain.Value)}");

    private static async Task RecordAsync(TestStorage on, DomainName domain, string round, params Finding[] found)
    {
        var partition = await on.Domains.ReadAsync(domain.Value, Now);
        if (string.CompareOrdinal(round, partition.Record!.CheckRun.Run) > 0)
        {
            var at = DateTimeOffset.ParseExact(round, "yyyyMMddHHmmssfff", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
            await on.Recorder.RecordAsync(partition, FindingSource.Checks, round, at, found, new HashSet<string>(), partition.Record with { CheckRun = new CheckRunState(round, 1), LastCheckAt = at }, Now);
        }

        await on.Summaries.ProjectAsync(domain, Now);
    }

    private static async Task<Report> ReportAsync(TestStorage on, DomainName domain, int failures)
    {
        var start = new DateTimeOffset(TestStorage.Noon.Date.AddDays(-1), TimeSpan.Zero);
        await on.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient("raw").UploadAsync(new BinaryData("{}"), overwrite: true, Now);
        return new Report(domain.Value, "Company-X", "id", start, start.AddDays(1), "sts", 90, failures, ReportSource.Mail, AuthenticationResult.Aligned, TestStorage.Noon, "body", "raw");
    }

    private static Finding FindingAt(string subject) => new("mx.starttls.missing", Severity.Warning, subject, "seen", "meaning", "remedy", "RFC 8461 §4");

    private static Policy PolicyOf(string mx) => Policy.Parse(Encoding.UTF8.GetBytes($"version: STSv1\nmode: enforce\nmx: {mx}.example.com\nmax_age: 604800\n"));

    /// <param name="Before">What stands when the work begins.</param>
    /// <param name="Do">The work, as it is also tried again.</param>
    /// <param name="AssertDone">That it is done.</param>
    /// <param name="After">What is put away before the next call is tried.</param>
    private sealed record Work(
        Func<TestStorage, DomainName, Task> Before, Func<TestStorage, DomainName, Task> Do, Func<TestStorage, DomainName, Task> AssertDone, Func<TestStorage, DomainName, Task>? After = null);
}
