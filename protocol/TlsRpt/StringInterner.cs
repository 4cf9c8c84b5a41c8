using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// One string for each repeated ASCII text: a report repeats the same hosts and types thousands of times. A text has one
/// place of a table that does not grow; another text of the same place replaces it, so that no input makes it slow.
/// </summary>
internal sealed class StringInterner
{
    private const int Places = 4_096;
    private const int MaxLength = 128;
    private const ulong Mix = 0x9E37_79B9_7F4A_7C15;

    private readonly string?[] _known = new string?[Places];

    /// <summary>The reader's text, or its number as it is written.</summary>
    /// <exception cref="InvalidOperationException">The text is not valid Unicode.</exception>
    public string Take(ref Utf8JsonReader reader)
    {
        var utf8 = reader.ValueSpan;
        if (reader.ValueIsEscaped || utf8.Length > MaxLength)
        {
            return Make(ref reader);
        }

        ref var known = ref _known[PlaceOf(utf8)];
        if (known is null || !Ascii.Equals(utf8, known))
        {
            known = Make(ref reader);
        }

        return known;
    }

    private static string Make(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number ? Encoding.ASCII.GetString(reader.ValueSpan) : reader.GetString()!;

    private static int PlaceOf(ReadOnlySpan<byte> utf8)
    {
        var hash = (ulong)utf8.Length * Mix;
        for (; utf8.Length >= sizeof(ulong); utf8 = utf8[sizeof(ulong)..])
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(utf8)) * Mix;
            hash ^= hash >> 32;
        }

        foreach (var b in utf8)
        {
            hash = (hash ^ b) * Mix;
        }

        return (int)((hash ^ (hash >> 32)) % Places);
    }
}
