using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace StsFunctions.Reports.Containers;

/// <summary>
/// Has a body read, and hashes it. To expand and to hash a large one takes a third of the whole, and is done ahead of whoever reads it, by
/// a bounded number of bytes, on another processor if there is one.
/// </summary>
internal static class ReadAhead
{
    private const int Block = 64 * 1024;
    private const int MostAhead = 8 * Block;

    /// <summary>What the reading of a body comes to, and the SHA-256 of the body.</summary>
    /// <param name="body">The body. It is read to its end, and not closed; what it throws passes through.</param>
    /// <param name="read">Reads it to its end.</param>
    /// <param name="cancellation">Ends the work.</param>
    public static async Task<(T Read, byte[] Digest)> ReadAsync<T>(Stream body, Func<Stream, Task<T>> read, CancellationToken cancellation)
    {
        var first = ArrayPool<byte>.Shared.Rent(Block);
        try
        {
            var length = await body.ReadAtLeastAsync(first.AsMemory(0, Block), Block, throwOnEndOfStream: false, cancellation);
            return length < Block
                ? (await read(new MemoryStream(first, 0, length, writable: false)), SHA256.HashData(first.AsSpan(0, length)))
                : await ReadLargeAsync(first.AsMemory(0, length), body, read, cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(first);
        }
    }

    private static async Task<(T Read, byte[] Digest)> ReadLargeAsync<T>(
        ReadOnlyMemory<byte> first, Stream rest, Func<Stream, Task<T>> read, CancellationToken cancellation)
    {
        var pipe = new Pipe(new PipeOptions(minimumSegmentSize: Block, pauseWriterThreshold: MostAhead, resumeWriterThreshold: MostAhead / 2, useSynchronizationContext: false));
        var filling = Task.Run(() => FillAsync(pipe.Writer, first, rest, cancellation), CancellationToken.None);
        try
        {
            var result = await read(pipe.Reader.AsStream(leaveOpen: true));
            await pipe.Reader.CompleteAsync();
            return (result, await filling);
        }
        finally
        {
            // Whoever reads may have had enough; the body is let go of before its owner closes it.
            await pipe.Reader.CompleteAsync();
            await ((Task)filling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<byte[]> FillAsync(PipeWriter writer, ReadOnlyMemory<byte> first, Stream rest, CancellationToken cancellation)
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            sha256.AppendData(first.Span);
            var flushed = await writer.WriteAsync(first, cancellation);
            while (!flushed.IsCompleted)
            {
                // Filled before it is passed on: the pipe counts octets, and holds a whole block for each piece that it is given, were it of one octet.
                var buffer = writer.GetMemory(Block)[..Block];
                var read = await rest.ReadAtLeastAsync(buffer, Block, throwOnEndOfStream: false, cancellation);
                sha256.AppendData(buffer.Span[..read]);
                writer.Advance(read);
                flushed = await writer.FlushAsync(cancellation);
                if (read < Block)
                {
                    break;
                }
            }

            await writer.CompleteAsync();
            return sha256.GetHashAndReset();
        }
        catch (Exception e)
        {
            await writer.CompleteAsync(e);
            throw;
        }
    }
}
