using System.IO.Hashing;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>A file of a zip, verified against the checksum in the zip, which .NET does not check.</summary>
internal sealed class Crc32Stream(Stream file, uint checksum) : ReadOnlyForwardStream
{
    private readonly Crc32 _crc = new();

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The file does not match its checksum at its end.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await file.ReadAsync(buffer, cancellationToken);
        _crc.Append(buffer.Span[..read]);
        return read > 0 || buffer.IsEmpty || _crc.GetCurrentHashAsUInt32() == checksum ? read : throw new InvalidDataException("a file in the zip is not the one of its checksum.");
    }
}
