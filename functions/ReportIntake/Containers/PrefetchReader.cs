using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>
/// Reads and hashes a body. Expanding and hashing a large one takes a third of the time, so it runs ahead of the reader by
/// a limited number of bytes, on another processor if there is one.
/// </summary>
internal static class PrefetchReader
{
    private const int Block = 64 * 1024;
    private const int MostAhead = 8 * Block;

    /// <summary>Returns the result of reading a body, and the SHA-256 of the body.</summary>
    /// <param name="body">The body. It is read to its end and not closed; its exceptions pass through.</param>
    /// <param name="read">Reads the body to its end.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task<(T Read, byte[] Digest)> ReadAsync<T>(Stream body, Func<Stream, Task<T>> read, CancellationToken cancellationToken)
    {
        var first = ArrayPool<byte>.Shared.Rent(Block);
        try
        {
            var length = await body.ReadAtLeastAsync(first.AsMemory(0, Block), Block, throwOnEndOfStream: false, cancellationToken);
            return length < Block
                ? (await read(new MemoryStream(first, 0, length, writable: false)), SHA256.HashData(first.AsSpan(0, length)))
                : await ReadLargeAsync(first.AsMemory(0, length), body, read, cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(first);
        }
    }

    private static async Task<(T Read, byte[] Digest)> ReadLargeAsync<T>(
        ReadOnlyMemory<byte> first, Stream rest, Func<Stream, Task<T>> read, CancellationToken cancellationToken)
    {
        var pipe = new Pipe(new PipeOptions(minimumSegmentSize: Block, pauseWriterThreshold: MostAhead, resumeWriterThreshold: MostAhead / 2, useSynchronizationContext: false));
        var filling = Task.Run(() => FillAsync(pipe.Writer, first, rest, cancellationToken), CancellationToken.None);
        try
        {
            var result = await read(pipe.Reader.AsStream(leaveOpen: true));
            await pipe.Reader.CompleteAsync();
            return (result, await filling);
        }
        finally
        {
            // The reader may stop early; release the body before its owner closes it.
            await pipe.Reader.CompleteAsync();
            await ((Task)filling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<byte[]> FillAsync(PipeWriter writer, ReadOnlyMemory<byte> first, Stream rest, CancellationToken cancellationToken)
    {
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            sha256.AppendData(first.Span);
            var flushed = await writer.WriteAsync(first, cancellationToken);
            while (!flushed.IsCompleted)
            {
                // Fill the block before passing it on: the pipe counts bytes, but holds a whole block for each piece, even of one byte.
                var buffer = writer.GetMemory(Block)[..Block];
                var read = await rest.ReadAtLeastAsync(buffer, Block, throwOnEndOfStream: false, cancellationToken);
                sha256.AppendData(buffer.Span[..read]);
                writer.Advance(read);
                flushed = await writer.FlushAsync(cancellationToken);
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
