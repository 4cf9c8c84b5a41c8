using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Domains;
using StsFunctions.Protocol;
using StsFunctions.Storage.Domains;
using StsFunctions.UseCases.Policies;
using Xunit;

namespace StsFunctions.Tests.Policies;

public sealed class PolicyCacheTests : IDisposable
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly byte[] First = "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n"u8.ToArray();
    private static readonly byte[] Second = "version: STSv1\r\nmode: none\r\nmax_age: 2\r\n"u8.ToArray();
    private static readonly ServingOptions Serving = new();
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

    private readonly ScriptedBlobs _storage = new();
    private readonly FakeTimeProvider _time = new(TestStorage.Noon);
    private readonly RecordedLog _log = new();
    private readonly PolicyCache _cache;

    public PolicyCacheTests() => _cache = new PolicyCache(_storage.Client(), Serving, _time, _log.For<PolicyCache>());

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _storage.Dispose();
        _log.Dispose();
    }

    [Fact]
    public async Task A_fresh_copy_is_served_without_a_read_of_storage()
    {
        await SeeAsync(First, "1");

        _time.Advance(Serving.CacheTime - Moment);

        Assert.Equal(First, await BytesAsync());
        Assert.Single(_storage.Asked);
    }

    [Fact]
    public async Task A_hundred_concurrent_misses_are_one_read()
    {
        for (var repetition = 0; repetition < 5; repetition++)
        {
            using var storage = new ScriptedBlobs();
            using var everybody = new Barrier(100);
            var cache = new PolicyCache(storage.Client(), Serving, _time, _log.For<PolicyCache>());
            var answer = storage.Hangs();
            var asking = Enumerable.Range(0, 100)
                .Select(_ => Task.Factory.StartNew(
                    () =>
                    {
                        everybody.SignalAndWait(Cancellation);
                        return cache.GetAsync(Domain, Cancellation).AsTask();
                    },
                    Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default))
                .ToList();
            var asked = await Task.WhenAll(asking);

            answer.SetResult(ScriptedBlobs.Policy(First, "1"));

            Assert.All(await Task.WhenAll(asked), policy => Assert.Equal(First, policy!.Bytes));
            Assert.Single(storage.Asked);
        }
    }

    [Fact]
    [Trait("Conformance", "GET-4")]
    public async Task A_change_is_served_once_the_cache_time_is_over()
    {
        await SeeAsync(First, "1");
        _storage.Answers(() => ScriptedBlobs.Policy(Second, "2"));

        Assert.Equal(First, await BytesAsync());
        _time.Advance(Serving.CacheTime);

        Assert.Equal(Second, await BytesAsync());
        Assert.Equal([null, "\"1\""], _storage.Asked);
    }

    [Fact]
    public async Task An_unchanged_policy_costs_one_conditional_read_and_is_fresh_again()
    {
        await SeeAsync(First, "1");
        _storage.Answers(() => ScriptedBlobs.NotModified());
        _time.Advance(Serving.CacheTime);

        Assert.Equal(First, await BytesAsync());
        _time.Advance(Serving.CacheTime - Moment);
        Assert.Equal(First, await BytesAsync());

        Assert.Equal([null, "\"1\""], _storage.Asked);
    }

    [Theory]
    [InlineData(HttpStatusCode.ServiceUnavailable)]
    [InlineData(HttpStatusCode.Forbidden)]
    [InlineData(HttpStatusCode.InternalServerError)]
    [InlineData(HttpStatusCode.OK)]
    public async Task The_last_good_copy_is_served_up_to_its_maximum_age_while_storage_is_down(HttpStatusCode status)
    {
        await SeeAsync(First, "1");
        // A 200 without the id in its metadata is not a policy of this app either.
        _storage.Fails(status);

        _time.Advance(Serving.MaxStale - Moment);
        Assert.Equal(First, await BytesAsync());
        _time.Advance(TimeSpan.FromMinutes(1));

        await Assert.ThrowsAsync<PolicyUnavailableException>(BytesAsync);
        Assert.Contains(_log.Lines, line => line.Level == LogLevel.Warning && line.Text.Contains(Domain.Value, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_304_from_a_recovered_storage_makes_the_copy_fresh()
    {
        await SeeAsync(First, "1");
        _storage.Answers(() => ScriptedBlobs.NotModified());
        _time.Advance(Serving.MaxStale - Moment);
        Assert.Equal(First, await BytesAsync());
        _storage.Fails();

        _time.Advance(Serving.MaxStale - Moment);

        Assert.Equal(First, await BytesAsync());
    }

    [Fact]
    public async Task A_storage_that_is_down_is_not_called_for_every_request()
    {
        await SeeAsync(First, "1");
        _storage.Fails();
        _time.Advance(Serving.CacheTime);

        for (var n = 0; n < 50; n++)
        {
            Assert.Equal(First, await BytesAsync());
        }

        Assert.Equal(2, _storage.Asked.Count);
        _time.Advance(TimeSpan.FromSeconds(5));
        await BytesAsync();
        Assert.Equal(3, _storage.Asked.Count);
    }

    [Fact]
    public async Task An_outage_without_a_copy_is_503_and_not_404()
    {
        _storage.Fails();

        await Assert.ThrowsAsync<PolicyUnavailableException>(BytesAsync);

        // And nothing is remembered of it.
        Assert.Equal(First, (await SeeAsync(First, "1"))!.Bytes);
    }

    [Fact]
    public async Task A_missing_container_is_an_outage_and_removes_no_policy()
    {
        await SeeAsync(First, "1");
        _storage.Answers(() => ScriptedBlobs.NotFound("ContainerNotFound"));
        _time.Advance(Serving.CacheTime);

        Assert.Equal(First, await BytesAsync());
        await Assert.ThrowsAsync<PolicyUnavailableException>(async () => await _cache.GetAsync(DomainName.Parse("other.example"), Cancellation));
    }

    [Fact]
    public async Task A_slow_storage_delays_no_request_with_a_copy()
    {
        await SeeAsync(First, "1");
        var answer = _storage.Hangs();
        _time.Advance(Serving.CacheTime);

        var asking = BytesAsync();
        await _storage.AskedAsync(2, Cancellation);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(First, await asking);

        // The read continues, and its result is there for the next caller.
        answer.SetResult(ScriptedBlobs.Policy(Second, "2"));
        Assert.Equal(Second, await BytesAsync());
        Assert.Equal(2, _storage.Asked.Count);
    }

    [Fact]
    public async Task A_caller_that_cancels_ends_the_read_for_no_other()
    {
        var answer = _storage.Hangs();
        using var hangUp = new CancellationTokenSource();
        var (impatient, patient) = (_cache.GetAsync(Domain, hangUp.Token).AsTask(), BytesAsync());

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        answer.SetResult(ScriptedBlobs.Policy(First, "1"));
        Assert.Equal(First, await patient);
        Assert.Single(_storage.Asked);
    }

    [Fact]
    public async Task A_read_that_times_out_is_an_outage()
    {
        await SeeAsync(First, "1");
        var tries = 0;
        // One try is answered and one is not: then the storage client throws the cancellation itself.
        _storage.Answer = (_, _) => ++tries == 1
            ? Task.FromResult(new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) { Content = new ByteArrayContent([]) })
            : throw new TaskCanceledException("The operation was cancelled because it exceeded the configured timeout.");
        var cache = new PolicyCache(_storage.Client(maxRetries: 1), Serving, _time, _log.For<PolicyCache>());

        await Assert.ThrowsAsync<PolicyUnavailableException>(async () => await cache.GetAsync(Domain, Cancellation));

        Assert.Equal(2, tries);
    }

    [Fact]
    public async Task A_read_that_times_out_leaves_the_copy_in_use()
    {
        await SeeAsync(First, "1");
        _time.Advance(Serving.CacheTime);
        _storage.Answer = (_, _) => throw new TaskCanceledException("The operation was cancelled because it exceeded the configured timeout.");

        Assert.Equal(First, await BytesAsync());
    }

    [Fact]
    public async Task An_unknown_host_is_cached()
    {
        Assert.Null(await _cache.GetAsync(Domain, Cancellation));
        _time.Advance(Serving.CacheTime - Moment);
        Assert.Null(await _cache.GetAsync(Domain, Cancellation));

        Assert.Single(_storage.Asked);
    }

    [Fact]
    public async Task A_domain_that_is_added_after_a_request_for_it_is_served_once_the_cache_time_is_over()
    {
        Assert.Null(await _cache.GetAsync(Domain, Cancellation));
        _storage.Answers(() => ScriptedBlobs.Policy(First, "1"));

        _time.Advance(Serving.CacheTime);

        Assert.Equal(First, await BytesAsync());
    }

    [Fact]
    public async Task A_removed_domain_is_an_unknown_host_once_the_cache_time_is_over()
    {
        await SeeAsync(First, "1");
        _storage.Answers(() => ScriptedBlobs.NotFound());
        _time.Advance(Serving.CacheTime);

        Assert.Null(await _cache.GetAsync(Domain, Cancellation));

        // An outage after that restores nothing.
        _storage.Fails();
        _time.Advance(Serving.CacheTime);
        await Assert.ThrowsAsync<PolicyUnavailableException>(BytesAsync);
    }

    [Fact]
    public async Task Cached_unknown_hosts_are_bounded_and_evict_no_policy()
    {
        await SeeAsync(First, "1");
        _storage.Answers(() => ScriptedBlobs.NotFound());

        for (var n = 0; n <= PolicyCache.MaxUnknownHosts; n++)
        {
            await _cache.GetAsync(DomainName.Parse($"s{n}.example"), Cancellation);
        }

        // The first is forgotten, the last is known, and the policy was never in question.
        var before = _storage.Asked.Count;
        await _cache.GetAsync(DomainName.Parse($"s{PolicyCache.MaxUnknownHosts}.example"), Cancellation);
        Assert.Equal(First, await BytesAsync());
        Assert.Equal(before, _storage.Asked.Count);
        await _cache.GetAsync(DomainName.Parse("s0.example"), Cancellation);
        Assert.Equal(before + 1, _storage.Asked.Count);
    }

    private async Task<byte[]> BytesAsync() => (await _cache.GetAsync(Domain, Cancellation))!.Bytes;

    private async Task<ServedPolicy?> SeeAsync(byte[] bytes, string id)
    {
        _storage.Answers(() => ScriptedBlobs.Policy(bytes, id));
        return await _cache.GetAsync(Domain, Cancellation);
    }
}
