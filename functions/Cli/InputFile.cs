namespace StsFunctions.Cli;

/// <summary>Reads files that a person names. These may also be a pipe or a device, which have no length and may have no end.</summary>
internal static class InputFile
{
    /// <summary>Reads a file to its end.</summary>
    /// <param name="file">The file.</param>
    /// <param name="maxBytes">The longest allowed length.</param>
    /// <param name="why">The reason for the limit, for the error message.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="IOException">It cannot be read, or is too long.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static async Task<byte[]> ReadAsync(FileInfo file, int maxBytes, string why, CancellationToken cancellationToken)
    {
        // Without a buffer of its own: the bytes are read directly into the result.
        await using var content = new FileStream(file.FullName, new FileStreamOptions { Options = FileOptions.Asynchronous | FileOptions.SequentialScan, BufferSize = 0 });
        var bytes = new byte[maxBytes + 1];
        var length = await content.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken);
        return length <= maxBytes ? bytes[..length] : throw new IOException($"{file}: longer than {maxBytes} bytes; {why}.");
    }
}
