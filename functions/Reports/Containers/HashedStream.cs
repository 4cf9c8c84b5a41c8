using System.Security.Cryptography;

namespace StsFunctions.Reports.Containers;

/// <summary>A stream that is hashed as it is read.</summary>
internal sealed class HashedStream(Stream inner) : OneWayStream
{
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        _sha256.AppendData(buffer.Span[..read]);
        return read;
    }

    /// <summary>The SHA-256 of what was read.</summary>
    public byte[] Digest() => _sha256.GetHashAndReset();

    protected override void Dispose(bool disposing)
    {
        _sha256.Dispose();
        base.Dispose(disposing);
    }
}
