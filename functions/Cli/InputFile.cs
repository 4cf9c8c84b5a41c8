namespace StsFunctions.CommandLine;

/// <summary>Files that a person names to be read. They may be anything that has a name: also a pipe or a device, which have no length and may have no end.</summary>
internal static class InputFile
{
    /// <summary>Reads a file to its end.</summary>
    /// <param name="file">The file.</param>
    /// <param name="maxBytes">How long it may be.</param>
    /// <param name="why">Why it may be no longer, for whoever named it.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="IOException">It cannot be read, or is longer.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static async Task<byte[]> ReadAsync(FileInfo file, int maxBytes, string why, CancellationToken cancellation)
    {
        // Without a buffer of its own: what is read goes where it stays.
        await using var content = new FileStream(file.FullName, new FileStreamOptions { Options = FileOptions.Asynchronous | FileOptions.SequentialScan, BufferSize = 0 });
        var bytes = new byte[maxBytes + 1];
        var length = await content.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation);
        return length <= maxBytes ? bytes[..length] : throw new IOException($"{file}: longer than {maxBytes} bytes; {why}.");
    }
}
