using System.IO.Hashing;

namespace StsFunctions.Reports.Containers;

/// <summary>A file of a zip, held to the checksum that the zip names for it, which .NET does not look at.</summary>
internal sealed class ChecksummedStream(Stream file, uint checksum) : OneWayStream
{
    private readonly Crc32 _crc = new();

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The end is there, and it is not the file that was put in.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await file.ReadAsync(buffer, cancellationToken);
        _crc.Append(buffer.Span[..read]);
        return read > 0 || buffer.IsEmpty || _crc.GetCurrentHashAsUInt32() == checksum ? read : throw new InvalidDataException("a file in the zip is not the one of its checksum.");
    }
}
