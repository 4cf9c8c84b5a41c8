using System.Text;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>The header of a gzip member (RFC 1952 §2.3).</summary>
internal static class GzipHeader
{
    private const int FixedLength = 10;
    private const byte ExtraFlag = 4;
    private const byte NameFlag = 8;

    /// <summary>The name of the compressed file; null if there is none.</summary>
    public static string? FileNameIn(ReadOnlySpan<byte> gzip)
    {
        if (gzip.Length < FixedLength || (gzip[3] & NameFlag) == 0)
        {
            return null;
        }

        var rest = gzip[FixedLength..];
        if ((gzip[3] & ExtraFlag) != 0)
        {
            if (rest.Length < 2 || rest.Length < 2 + (rest[0] | (rest[1] << 8)))
            {
                return null;
            }

            rest = rest[(2 + (rest[0] | (rest[1] << 8)))..];
        }

        var end = rest.IndexOf((byte)0);
        return end > 0 ? Encoding.Latin1.GetString(rest[..end]) : null;
    }
}
