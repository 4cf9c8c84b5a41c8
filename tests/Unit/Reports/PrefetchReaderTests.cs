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
    public async Task Every_byte_is_read_in_order_and_hashed(int length)
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
    public async Task An_exception_of_the_body_is_passed_on(int length)
    {
        var thrown = await Assert.ThrowsAsync<InvalidDataException>(() => PrefetchReader.ReadAsync(new Breaking(length), ToArrayAsync, Cancellation));
        Assert.Equal("broken", thrown.Message);
    }

    [Fact]
    public async Task A_reader_that_stops_early_is_not_blocked_and_the_body_is_released()
    {
        using var body = new Breaking(long.MaxValue);

        await Assert.ThrowsAsync<FormatException>(() => PrefetchReader.ReadAsync<int>(body, _ => throw new FormatException(), Cancellation));
        Assert.Equal(7, (await PrefetchReader.ReadAsync(body, _ => Task.FromResult(7), Cancellation)).Read);

        var taken = body.Taken;
        await Task.Delay(TimeSpan.FromMilliseconds(50), Cancellation);
        Assert.Equal(taken, body.Taken);
    }

    [Fact]
    public async Task The_reader_prefetches_no_more_than_its_limit()
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
    public async Task Data_that_arrives_by_single_octets_takes_no_more_memory_than_data_in_blocks()
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
    public async Task A_cancelled_reader_ends()
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
