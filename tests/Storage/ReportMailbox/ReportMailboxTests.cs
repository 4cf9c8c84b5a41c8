using System.Text;
using Azure.Core;
using Microsoft.AspNetCore.Http;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.ReportIntake.Mailbox;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Hosting;
using StsFunctions.Tests.Reports;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.ReportMailbox;

/// <summary>Reports from a mailbox in Exchange Online, by a fake of Microsoft Graph, into a real storage.</summary>
public sealed class ReportMailboxTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const int MaxBytes = 100_000;

    private readonly RecordedLog _log = new();
    private TestStorage _storage = null!;
    private FakeGraphMailbox _graph = null!;
    private GraphMailbox _mailbox = null!;
    private ReportMailboxPoller _function = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        _graph = await FakeGraphMailbox.StartAsync(Cancellation);
        _mailbox = new GraphMailbox(new MailboxOptions { Address = _graph.User, Graph = _graph.Address }, new Credential(), _storage.Time);
        _function = new ReportMailboxPoller(
            _mailbox,
            new ReportReader(new ReportLimitsOptions { MaxBytes = MaxBytes, MaxExpandedBytes = 1 << 20 }, _storage.Time),
            _storage.Inbox,
            _storage.Time,
            _log.For<ReportMailboxPoller>());
    }

    public async ValueTask DisposeAsync()
    {
        _mailbox.Dispose();
        await _graph.DisposeAsync();
        _log.Dispose();
    }

    [Fact]
    [Trait("Conformance", "ARR-2")]
    public async Task A_message_of_the_mailbox_is_stored_unchanged_then_moved_and_not_fetched_again()
    {
        byte[][] mails = [MailOf(1), MailOf(2)];
        foreach (var mail in mails)
        {
            _graph.Deliver(mail);
        }

        await _function.RunAsync(Cancellation);

        Assert.Equal(mails.Order(ByteOrder.Instance), (await InboxAsync()).Order(ByteOrder.Instance));
        Assert.Empty(_graph.In(FakeGraphMailbox.Inbox));
        Assert.Equal(2, _graph.In(ReportMailboxPoller.StoredFolder).Count);
        Assert.All(_graph.Calls, call => Assert.Equal(("Bearer a-token", "IdType=\"ImmutableId\""), (call.Authorization, call.Prefer)));

        _graph.Calls.Clear();
        await _function.RunAsync(Cancellation);
        Assert.Single(_graph.Calls);
    }

    [Fact]
    public async Task Nothing_is_called_without_a_configured_mailbox()
    {
        var function = new ReportMailboxPoller(null, new ReportReader(new ReportLimitsOptions(), _storage.Time), _storage.Inbox, _storage.Time, _log.For<ReportMailboxPoller>());

        await function.RunAsync(Cancellation);

        Assert.Empty(_graph.Calls);
    }

    [Fact]
    public async Task A_full_mailbox_is_read_page_by_page_and_a_very_full_one_in_several_runs()
    {
        _graph.PageSize = 10;
        foreach (var n in Enumerable.Range(0, 63))
        {
            _graph.Deliver(MailOf(n));
        }

        await _function.RunAsync(Cancellation);
        Assert.Equal((13, 50), (_graph.In(FakeGraphMailbox.Inbox).Count, (await InboxAsync()).Count));

        await _function.RunAsync(Cancellation);
        Assert.Equal((0, 63), (_graph.In(FakeGraphMailbox.Inbox).Count, (await InboxAsync()).Count));
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task A_kill_between_storing_and_moving_loses_nothing_and_counts_nothing_twice()
    {
        await _storage.Publisher.PublishAsync(DomainName.Parse("example.com"), Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        await using var lab = new SignedMailFactory(_storage.Time);
        var mail = SignedMailFactory.Mail();
        lab.Key("company-x.example").Sign(mail);
        var ingest = Ingest.FunctionOn(_storage, _log.For<ReportIngestion>(), dns: lab.Dns);
        _graph.Deliver(SignedMailFactory.Raw(mail));
        using var killed = new CancellationTokenSource();
        _graph.Fault("/move", async context =>
        {
            await killed.CancelAsync();
            context.Abort();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _function.RunAsync(killed.Token));
        Assert.Single(await InboxAsync());
        Assert.Single(_graph.In(FakeGraphMailbox.Inbox));

        // The report is read before the next run comes, and the day has changed by then.
        await IngestAsync(ingest);
        _storage.Time.Advance(TimeSpan.FromDays(1));
        await _function.RunAsync(Cancellation);
        await IngestAsync(ingest);

        Assert.Empty(_graph.In(FakeGraphMailbox.Inbox));
        var report = Assert.Single(await _storage.Reports.ReadAsync(DomainName.Parse("example.com"), new DateOnly(2026, 1, 1), Cancellation));
        Assert.Equal((ReportSource.Mailbox, AuthenticationResult.Aligned, true), (report.Source, report.Authentication, report.IsCounted));
        await _storage.EvaluateReports().RunAsync(new DomainMessage("example.com").ToJson(), Cancellation);
        Assert.Equal([new DailySessions(new DateOnly(2026, 3, 13), 90, 10)], Assert.Single(await _storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Days);
    }

    [Fact]
    public async Task A_message_that_disappears_meanwhile_stops_nothing()
    {
        var first = _graph.Deliver(MailOf(1));
        var second = _graph.Deliver(MailOf(2));
        _graph.Deliver(MailOf(3));
        _graph.Fault("/$value", context =>
        {
            _graph.Delete(first);
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        _graph.Fault("/move", context =>
        {
            _graph.Delete(second);
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });

        await _function.RunAsync(Cancellation);

        Assert.Equal(2, (await InboxAsync()).Count);
        Assert.Single(_graph.In(ReportMailboxPoller.StoredFolder));
    }

    [Theory]
    [InlineData("/messages?", 429)]
    [InlineData("/$value", 429)]
    [InlineData("/$value", 503)]
    [InlineData("/move", 504)]
    [InlineData("/mailFolders?", 429)]
    public async Task A_short_Retry_After_of_Graph_is_waited_for_and_the_run_continues(string call, int status)
    {
        _graph.Deliver(MailOf(1));
        _graph.Fault(call, status, retryAfter: "0");
        _graph.Fault(call, status, retryAfter: "Sat, 14 Mar 2026 12:00:00 GMT");

        await _function.RunAsync(Cancellation);

        Assert.Single(_graph.In(ReportMailboxPoller.StoredFolder));
        Assert.Single(await InboxAsync());
    }

    [Fact]
    public async Task A_long_Retry_After_of_Graph_ends_the_run_and_nothing_is_called_before_it_is_over()
    {
        _graph.Deliver(MailOf(1));
        _graph.Deliver(MailOf(2));
        _graph.Fault("/move", 429, retryAfter: "3600");
        await _function.RunAsync(Cancellation);
        Assert.Equal((2, 1), (_graph.In(FakeGraphMailbox.Inbox).Count, (await InboxAsync()).Count));

        _graph.Calls.Clear();
        _storage.Time.Advance(TimeSpan.FromMinutes(59));
        await _function.RunAsync(Cancellation);
        Assert.Empty(_graph.Calls);

        _storage.Time.Advance(TimeSpan.FromMinutes(2));
        await _function.RunAsync(Cancellation);
        Assert.Equal((0, 2), (_graph.In(FakeGraphMailbox.Inbox).Count, (await InboxAsync()).Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Conformance", "ARR-5")]
    public async Task A_message_that_is_too_large_is_moved_aside_unread_and_the_others_are_fetched(bool saysSo)
    {
        _graph.Deliver(new byte[MaxBytes + 1]);
        _graph.Deliver(MailOf(2));
        if (!saysSo)
        {
            // Without end, as far as anybody can see.
            _graph.Fault("/$value", async context =>
            {
                while (!context.RequestAborted.IsCancellationRequested)
                {
                    await context.Response.Body.WriteAsync(new byte[10_000]);
                }
            });
        }

        await _function.RunAsync(Cancellation);

        Assert.Single(_graph.In(ReportMailboxPoller.TooLargeFolder));
        Assert.Single(_graph.In(ReportMailboxPoller.StoredFolder));
        Assert.Equal([MailOf(2)], await InboxAsync());
        Assert.Contains(_log.Lines, line => line.Text.Contains(ReportMailboxPoller.TooLargeFolder, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/move")]
    [InlineData("/mailFolders?")]
    public async Task A_message_that_is_too_large_and_cannot_be_moved_stays_and_the_others_are_fetched(string call)
    {
        var tooLarge = new byte[MaxBytes + 1];
        _graph.Deliver(tooLarge);
        _graph.Deliver(MailOf(2));
        // The folder for stored messages is searched for before.
        _graph.Fault("/$value", async context =>
        {
            _graph.Fault(call, 500);
            await context.Response.Body.WriteAsync(tooLarge);
        });

        await _function.RunAsync(Cancellation);

        Assert.Equal([tooLarge], _graph.In(FakeGraphMailbox.Inbox));
        Assert.Equal([MailOf(2)], await InboxAsync());

        await _function.RunAsync(Cancellation);
        Assert.Equal([tooLarge], _graph.In(ReportMailboxPoller.TooLargeFolder));
    }

    [Theory]
    [InlineData("/messages?", 200, "did not end it")]
    [InlineData("/messages?", 500, "answered 500")]
    [InlineData("/mailFolders?", 200, "did not end it")]
    [InlineData("/move", 500, "answered 500")]
    public async Task A_response_that_does_not_end_times_out(string call, int status, string said)
    {
        _graph.Deliver(MailOf(1));
        var begun = new TaskCompletionSource();
        _graph.Fault(call, async context =>
        {
            context.Response.StatusCode = status;
            await context.Response.WriteAsync("{");
            await context.Response.Body.FlushAsync();
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });

        var run = _function.RunAsync(Cancellation);
        await begun.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        for (var n = 0; n < 100 && !run.IsCompleted; n++)
        {
            // Whether the first bytes of the response were read by now is known only at the end.
            _storage.Time.Advance(TimeSpan.FromMinutes(1));
            await Task.WhenAny(run, Task.Delay(100, Cancellation));
        }

        var failure = await Assert.ThrowsAsync<GraphException>(() => run.WaitAsync(TimeSpan.FromSeconds(1), Cancellation));
        Assert.Contains(said, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_cannot_be_fetched_stays_and_the_others_are_processed()
    {
        var broken = MailOf(1);
        _graph.Deliver(broken);
        _graph.Deliver(MailOf(2));
        _graph.Fault("/$value", 500);

        await _function.RunAsync(Cancellation);

        Assert.Equal([broken], _graph.In(FakeGraphMailbox.Inbox));
        Assert.Equal([MailOf(2)], await InboxAsync());
    }

    [Fact]
    public async Task A_message_that_Graph_throttles_every_time_stays_and_the_others_are_processed()
    {
        var slow = MailOf(1);
        _graph.Deliver(slow);
        _graph.Deliver(MailOf(2));
        foreach (var _ in Enumerable.Range(0, 4))
        {
            _graph.Fault("/$value", 504, retryAfter: "0");
        }

        await _function.RunAsync(Cancellation);

        Assert.Equal([slow], _graph.In(FakeGraphMailbox.Inbox));
        Assert.Equal([MailOf(2)], await InboxAsync());
    }

    [Fact]
    public async Task The_run_ends_where_Graph_throttles_one_message_after_another()
    {
        foreach (var n in Enumerable.Range(0, 10))
        {
            _graph.Deliver(MailOf(n));
        }

        foreach (var _ in Enumerable.Range(0, 40))
        {
            _graph.Fault("/$value", 503, retryAfter: "0");
        }

        await _function.RunAsync(Cancellation);

        Assert.Equal(3 * 4, _graph.Calls.Count(call => call.Call.Contains("/$value", StringComparison.Ordinal)));
        Assert.Contains(_log.Lines, line => line.Text.Contains("The mailbox is read later", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_message_whose_download_is_interrupted_is_not_stored()
    {
        var mail = MailOf(1);
        _graph.Deliver(mail);
        _graph.Fault("/$value", async context =>
        {
            await context.Response.Body.WriteAsync(mail.AsMemory(0, 100));
            await context.Response.Body.FlushAsync();
            context.Abort();
        });

        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            try
            {
                await _function.RunAsync(Cancellation);
            }
            catch (HttpRequestException e)
            {
                throw new IOException("broken off", e);
            }
        });

        Assert.Empty(await InboxAsync());
        Assert.Single(_graph.In(FakeGraphMailbox.Inbox));
    }

    [Theory]
    [InlineData(401, "Application Mail.ReadWrite")]
    [InlineData(403, "Application Mail.ReadWrite")]
    [InlineData(404, "Sts__ReportMailbox")]
    public async Task An_unauthorized_mailbox_is_a_failed_run_that_says_what_to_do(int status, string remedy)
    {
        _graph.Fault("/messages?", status);

        var failure = await Assert.ThrowsAsync<GraphException>(() => _function.RunAsync(Cancellation));

        Assert.Contains(remedy, failure.Message, StringComparison.Ordinal);
        Assert.Contains("ErrorCode In words.", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://attacker.example/v1.0/next")]
    [InlineData("/relative")]
    [InlineData("file:///etc/passwd")]
    public async Task A_next_link_to_another_host_is_not_followed_because_it_would_get_the_token(string link)
    {
        _graph.Fault("/messages?", context => context.Response.WriteAsync($$"""{"value":[],"@odata.nextLink":"{{link}}"}"""));

        Assert.Contains("another host", (await Assert.ThrowsAsync<GraphException>(() => _function.RunAsync(Cancellation))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("<html>")]
    public async Task A_response_that_is_not_a_list_is_a_failed_run(string body)
    {
        _graph.Fault("/messages?", context => context.Response.WriteAsync(body));

        await Assert.ThrowsAsync<GraphException>(() => _function.RunAsync(Cancellation));
    }

    [Fact]
    public async Task A_folder_that_another_instance_creates_at_the_same_time_is_used()
    {
        _graph.Deliver(MailOf(1));
        _graph.Fault("/mailFolders?", context =>
        {
            _graph.MakeFolder(ReportMailboxPoller.StoredFolder);
            return context.Response.WriteAsync("""{"value":[]}""");
        });

        await _function.RunAsync(Cancellation);

        Assert.Single(_graph.In(ReportMailboxPoller.StoredFolder));
    }

    [Fact]
    public async Task The_timer_of_the_app_reads_the_configured_mailbox_and_a_lab_gets_no_token()
    {
        _graph.Deliver(MailOf(1));
        await using var handler = await RunningApp.StartAsync(
            _storage.ConnectionString, more: [("Sts__ReportMailbox", _graph.User), ("Sts__Lab__Graph", _graph.Address.AbsoluteUri)]);

        await handler.RunTimerAsync("PollReportMailbox");

        Assert.Single(await InboxAsync());
        Assert.All(_graph.Calls, call => Assert.Null(call.Authorization));
    }

    private static byte[] MailOf(int number) => Encoding.ASCII.GetBytes($"From: tlsrpt@company-x.example\r\nSubject: {number}\r\n\r\n{new string((char)('a' + (number % 26)), 2_000)}\r\n");

    private async Task IngestAsync(ReportIngestion ingest)
    {
        foreach (var blob in await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobsAsync(cancellationToken: Cancellation).ToListAsync(Cancellation))
        {
            await ingest.RunAsync(BlobCreatedEvent.Again(blob.Name), Cancellation);
        }
    }

    private async Task<List<byte[]>> InboxAsync()
    {
        var inbox = _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer);
        var found = new List<byte[]>();
        await foreach (var blob in inbox.GetBlobsAsync(cancellationToken: Cancellation))
        {
            var content = (await inbox.GetBlobClient(blob.Name).DownloadContentAsync(Cancellation)).Value;
            Assert.Equal("Mailbox", content.Details.Metadata["source"]);
            found.Add(content.Content.ToArray());
        }

        return found;
    }

    private sealed class Credential : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Assert.Equal(["https://graph.microsoft.com/.default"], requestContext.Scopes);
            return ValueTask.FromResult(new AccessToken("a-token", DateTimeOffset.MaxValue));
        }
    }

    private sealed class ByteOrder : IComparer<byte[]>
    {
        public static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
