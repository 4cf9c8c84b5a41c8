using System.Security.Cryptography;
using StsFunctions.ReportIntake.Containers;
using Xunit;

namespace StsFunctions.Tests.Reports;

[Collection(Alone.Name)]
public sealed class PrefetchReaderTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(5_000_000)]
    public async Task Every_byte_comes_in_its_order_and_the_hash_is_theirs(int length)
    {
        var body = new byte[length];
        new Random(length).NextBytes(body);

        var (read, digest) = await PrefetchReader.ReadAsync(new MemoryStream(body), ToArrayAsync, Cancellation);

        Assert.Equal(body, read);
        Assert.Equal(SHA256.HashData(body), digest);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(1_000_000)]
    public async Task What_the_body_throws_passes_through(int length)
    {
        var thrown = await Assert.ThrowsAsync<InvalidDataException>(() => PrefetchReader.ReadAsync(new Breaking(length), ToArrayAsync, Cancellation));
        Assert.Equal("broken", thrown.Message);
    }

    [Fact]
    public async Task Whoever_has_had_enough_of_a_large_body_is_not_kept_and_the_body_is_let_go_of()
    {
        using var body = new Breaking(long.MaxValue);

        await Assert.ThrowsAsync<FormatException>(() => PrefetchReader.ReadAsync<int>(body, _ => throw new FormatException(), Cancellation));
        Assert.Equal(7, (await PrefetchReader.ReadAsync(body, _ => Task.FromResult(7), Cancellation)).Read);

        var taken = body.Taken;
        await Task.Delay(TimeSpan.FromMilliseconds(50), Cancellation);
        Assert.Equal(taken, body.Taken);
    }

    [Fact]
    public async Task It_is_ahead_by_no_more_than_a_bound()
    {
        using var body = new Breaking(long.MaxValue);

        await PrefetchReader.ReadAsync(
            body,
            async ahead =>
            {
                await ahead.ReadExactlyAsync(new byte[1_000], Cancellation);
                await Task.Delay(TimeSpan.FromMilliseconds(50), Cancellation);
                return 0;
            },
            Cancellation);

        Assert.True(body.Taken < 2_000_000, $"{body.Taken} bytes were taken.");
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task What_comes_octet_by_octet_takes_no_more_memory_than_what_comes_in_blocks()
    {
        var body = new byte[70_000];
        await PrefetchReader.ReadAsync(new MemoryStream(body), ToArrayAsync, Cancellation);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        var (read, _) = await PrefetchReader.ReadAsync(new OctetByOctet(body), ToArrayAsync, Cancellation);

        Assert.Equal(body.Length, read.Length);
        // Each read once took a block of 64 KiB: 280 MB for the last 4,464 octets.
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 16 << 20);
    }

    [Fact]
    public async Task Given_up_it_ends()
    {
        using var stop = new CancellationTokenSource();
        using var body = new Breaking(long.MaxValue);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PrefetchReader.ReadAsync(
            body,
            async ahead =>
            {
                await stop.CancelAsync();
                return await ToArrayAsync(ahead);
            },
            stop.Token));
    }

    private static async Task<byte[]> ToArrayAsync(Stream stream)
    {
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Cancellation);
        return copy.ToArray();
    }

    private sealed class OctetByOctet(byte[] body) : ReadOnlyForwardStream
    {
        private int _given;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = Math.Min(Math.Min(1, buffer.Length), body.Length - _given);
            body.AsMemory(_given, read).CopyTo(buffer);
            _given += read;
            return ValueTask.FromResult(read);
        }
    }

    private sealed class Breaking(long after) : ReadOnlyForwardStream
    {
        public long Taken { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Taken >= after)
            {
                throw new InvalidDataException("broken");
            }

            var read = (int)Math.Min(buffer.Length, after - Taken);
            buffer.Span[..read].Clear();
            Taken += read;
            return ValueTask.FromResult(read);
        }
    }
}
