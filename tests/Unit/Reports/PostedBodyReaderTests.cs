using Microsoft.Extensions.Time.Testing;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Limits;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Bodies that are posted take no more memory and time than there is for all of them, however many come and however slowly.</summary>
[Collection(Alone.Name)]
public sealed class PostedBodyReaderTests
{
    private const int MiB = 1 << 20;

    private static readonly ReportLimitsOptions Settings = new() { MaxBytes = 10 * MiB, MaxExpandedBytes = 100 * MiB };

    private readonly FakeTimeProvider _time = new(TestStorage.Noon);
    private readonly IntakeMemory _memory = new(Settings);

    private PostedBodyReader Bodies => new(Settings, _memory, _time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_body_is_read_unchanged_and_holds_its_memory_until_it_is_disposed_of()
    {
        var bytes = new byte[1_000_000];
        new Random(1).NextBytes(bytes);

        using (var body = await Bodies.ReadAsync(new MemoryStream(bytes), Cancellation))
        {
            Assert.Equal(bytes, body.GetBuffer().AsSpan(0, (int)body.Length).ToArray());
            Assert.Equal((0, _memory.ForReading(bytes.Length)), (_memory.Posts.Used, _memory.Reading.Used));
            body.ReleaseReading();
            Assert.Equal(bytes.Length, _memory.Reading.Used);
        }

        Assert.Equal(0, _memory.Reading.Used);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Forty_bodies_that_never_end_take_the_budget_for_posts_and_the_rest_get_Retry_After()
    {
        using var end = new CancellationTokenSource();
        using var mail = await Bodies.ReadMailAsync(new MemoryStream(new byte[MiB]), MiB, Cancellation);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        var bodies = Enumerable.Range(0, 40).Select(_ => Bodies.ReadAsync(new NeverEnding(10 * MiB - 1), end.Token)).ToList();
        var refused = new List<IntakeRefusedException>();
        foreach (var body in bodies.Where(body => body.IsCompleted))
        {
            refused.Add(await Assert.ThrowsAsync<IntakeRefusedException>(() => body));
        }

        Assert.Equal(39, refused.Count);
        Assert.All(refused, e => Assert.Equal((503, PostedBodyReader.MemoryAwaited), (e.Status, e.RetryAfter)));
        Assert.InRange(_memory.Posts.MostUsed, 10 * MiB, _memory.Posts.Capacity);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, _memory.Posts.Capacity + MiB);

        // Reports of other channels are read meanwhile.
        using var read = await new ReportReader(Settings, _time, _memory).BufferAsync(new MemoryStream(new byte[10 * MiB]), Cancellation);

        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bodies.Single(body => !refused.Exists(e => body.Exception?.InnerException == e)));
        Assert.Equal(0, _memory.Posts.Used);
    }

    [Fact]
    public async Task A_body_without_data_holds_a_few_kilobytes()
    {
        using var end = new CancellationTokenSource();
        var bodies = Enumerable.Range(0, 300).Select(_ => Bodies.ReadAsync(new NeverEnding(0), end.Token)).ToList();

        Assert.Equal(300 * SegmentedBuffer.FirstSegmentBytes, _memory.Posts.Used);

        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(bodies));
        Assert.Equal(0, _memory.Posts.Used);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_body_that_is_too_slow_is_refused_with_408()
    {
        var nothing = Bodies.ReadAsync(new NeverEnding(0), Cancellation);
        var something = Bodies.ReadAsync(new NeverEnding(2 * PostedBodyReader.MinBytesPerSecond), Cancellation);

        _time.Advance(PostedBodyReader.FreeTime - TimeSpan.FromSeconds(1));
        Assert.False(nothing.IsCompleted || something.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(408, (await Assert.ThrowsAsync<IntakeRefusedException>(() => nothing)).Status);
        Assert.False(something.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(408, (await Assert.ThrowsAsync<IntakeRefusedException>(() => something)).Status);

        Assert.Equal(0, _memory.Posts.Used);
    }

    [Fact]
    public async Task A_body_of_single_octets_has_no_more_time_than_one_without_data()
    {
        using var slow = new OctetASecond(_time);

        Assert.Equal(408, (await Assert.ThrowsAsync<IntakeRefusedException>(() => Bodies.ReadAsync(slow, Cancellation))).Status);

        Assert.InRange(slow.Given, 29, 31);
    }

    [Fact]
    public async Task A_complete_body_waits_for_memory_for_a_limited_time()
    {
        using var read = await _memory.Reading.LeaseAsync(_memory.Reading.Capacity, Cancellation);
        var waiting = Bodies.ReadAsync(new MemoryStream(new byte[1_000]), Cancellation);
        var mail = Bodies.ReadMailAsync(new MemoryStream(new byte[1_000]), null, Cancellation);

        _time.Advance(PostedBodyReader.MemoryWait);

        Assert.Equal(503, (await Assert.ThrowsAsync<IntakeRefusedException>(() => waiting)).Status);
        Assert.Equal(503, (await Assert.ThrowsAsync<IntakeRefusedException>(() => mail)).Status);
        read.Dispose();
        using var again = await Bodies.ReadAsync(new MemoryStream(new byte[1_000]), Cancellation);
        Assert.Equal((0L, 1_000L), (_memory.Posts.Used, again.Length));
    }

    [Theory]
    [InlineData(10 * MiB, false)]
    [InlineData((10 * MiB) + 1, true)]
    public async Task The_largest_body_is_accepted_and_a_larger_one_is_not(int length, bool isTooLarge)
    {
        foreach (var read in (Func<Stream, Task<ReportBody>>[])
            [stream => Bodies.ReadAsync(stream, Cancellation), stream => Bodies.ReadMailAsync(stream, length, Cancellation), stream => Bodies.ReadMailAsync(stream, null, Cancellation), stream => new ReportReader(Settings, _time, _memory).BufferAsync(stream, Cancellation)])
        {
            if (isTooLarge)
            {
                Assert.True((await Assert.ThrowsAsync<UnreadableReportException>(() => read(new MemoryStream(new byte[length])))).IsTooLarge);
            }
            else
            {
                using var body = await read(new MemoryStream(new byte[length]));
                Assert.Equal(length, body.Length);
            }

            Assert.Equal((0, 0), (_memory.Posts.Used, _memory.Reading.Used));
        }
    }

    [Fact]
    public async Task A_body_from_a_queue_waits_for_its_turn_and_holds_almost_nothing_until_then()
    {
        var reader = new ReportReader(Settings, _time, _memory);
        using var first = await _memory.Reading.LeaseAsync(_memory.Reading.Capacity, Cancellation);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var bodies = Enumerable.Range(0, 24).Select(_ => reader.BufferAsync(new MemoryStream(Large), Cancellation)).ToList();

        Assert.All(bodies, body => Assert.False(body.IsCompleted));
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, 24 * 2 * SegmentedBuffer.SegmentBytes);
        first.Dispose();

        foreach (var body in bodies)
        {
            using var whole = await body;
            Assert.Equal(Large.Length, whole.Length);
        }

        Assert.Equal((0, _memory.Reading.Capacity), (_memory.Reading.Used, _memory.Reading.MostUsed));
    }

    [Fact]
    public async Task A_report_that_was_read_holds_only_the_memory_of_its_result()
    {
        var reader = new ReportReader(Settings, _time, _memory);
        using (var body = await reader.BufferAsync(new MemoryStream(Samples.Gzip(Samples.Json(Samples.Policy()))), Cancellation))
        {
            Assert.Equal(_memory.ForReading(body.Length), _memory.Reading.Used);
            await reader.ReadAsync(body, Cancellation);
            Assert.InRange(_memory.Reading.Used, body.Length, body.Length + 4_096);
        }

        using (var body = await reader.BufferAsync(new MemoryStream(Samples.Utf8("nothing")), Cancellation))
        {
            await Assert.ThrowsAsync<UnreadableReportException>(() => reader.ReadAsync(body, Cancellation));
            Assert.Equal(body.Length, _memory.Reading.Used);
        }

        Assert.Equal(0, _memory.Reading.Used);
    }

    private static readonly byte[] Large = new byte[9 * MiB];

    // So many bytes at once, and then nothing, as long as the reader waits.
    private sealed class NeverEnding(int bytes) : ReadOnlyForwardStream
    {
        private int _left = bytes;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left == 0)
            {
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            var read = Math.Min(_left, buffer.Length);
            _left -= read;
            return read;
        }
    }

    private sealed class OctetASecond(FakeTimeProvider time) : ReadOnlyForwardStream
    {
        public int Given { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
            cancellationToken.ThrowIfCancellationRequested();
            Given++;
            return 1;
        }
    }
}
