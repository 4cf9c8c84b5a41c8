using System.Globalization;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>The Internet date-time of RFC 3339 §5.6.</summary>
internal static class Rfc3339
{
    private const string Shape = "0000-00-00T00:00:00";

    /// <summary>Reads a date-time, which must say its zone, into UTC.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out DateTimeOffset utc)
    {
        utc = default;
        if (text.Length <= Shape.Length || !HasShape(text[..Shape.Length], Shape))
        {
            return false;
        }

        // §5.6 allows a leap second; .NET has none, so it is the second after 59.
        var second = Number(text[17..19]);
        var leap = second == 60;
        if (!DateTime.TryParseExact(
            $"{text[..10]}T{text[11..17]}{(leap ? 59 : second):00}",
            "yyyy-MM-ddTHH:mm:ss",
            CultureInfo.InvariantCulture,
            DateTimeStyles.None,
            out var local))
        {
            return false;
        }

        var rest = text[Shape.Length..];
        if (!TakeFraction(ref rest, out var fraction) || !TryReadOffset(rest, out var offset))
        {
            return false;
        }

        var ticks = local.Ticks + fraction + (leap ? TimeSpan.TicksPerSecond : 0) - offset.Ticks;
        if (ticks < DateTime.MinValue.Ticks || ticks > DateTime.MaxValue.Ticks)
        {
            return false;
        }

        utc = new DateTimeOffset(ticks, TimeSpan.Zero);
        return true;
    }

    // Digits beyond the seventh are finer than a tick.
    private static bool TakeFraction(ref ReadOnlySpan<char> rest, out long ticks)
    {
        ticks = 0;
        if (rest.IsEmpty || rest[0] != '.')
        {
            return true;
        }

        var length = 1;
        for (var unit = TimeSpan.TicksPerSecond / 10; length < rest.Length && char.IsAsciiDigit(rest[length]); length++)
        {
            ticks += (rest[length] - '0') * unit;
            unit /= 10;
        }

        rest = rest[length..];
        return length > 1;
    }

    private static bool TryReadOffset(ReadOnlySpan<char> text, out TimeSpan offset)
    {
        offset = TimeSpan.Zero;
        if (text is "Z" or "z")
        {
            return true;
        }

        if (text.Length != 6 || text[0] is not ('+' or '-') || !HasShape(text[1..], "00:00"))
        {
            return false;
        }

        var (hours, minutes) = (Number(text[1..3]), Number(text[4..6]));
        offset = new TimeSpan(hours, minutes, 0) * (text[0] == '-' ? -1 : 1);
        return hours <= 23 && minutes <= 59;
    }

    private static bool HasShape(ReadOnlySpan<char> text, ReadOnlySpan<char> shape)
    {
        if (text.Length != shape.Length)
        {
            return false;
        }

        for (var i = 0; i < shape.Length; i++)
        {
            var fits = shape[i] switch
            {
                '0' => char.IsAsciiDigit(text[i]),
                'T' => text[i] is 'T' or 't',
                var c => text[i] == c,
            };
            if (!fits)
            {
                return false;
            }
        }

        return true;
    }

    private static int Number(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
}
