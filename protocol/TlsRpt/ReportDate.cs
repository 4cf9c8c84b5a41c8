using System.Buffers;
using System.Globalization;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>A date as senders write it: RFC 3339 §5.6 first, then what can be read in one way only.</summary>
internal static class ReportDate
{
    private const int DateLength = 10;

    // Seconds since 1970 have ten digits from 2001 to 2286, which distinguishes them from a year.
    private const int UnixTimeDigits = 10;

    private static readonly SearchValues<char> OfATime = SearchValues.Create("0123456789:.");

    private const string WithoutSeconds = "HH:mm";

    /// <summary>Reads a date into UTC, and says how it deviates, if it does.</summary>
    public static bool TryRead(string text, out DateTimeOffset utc, out Deviation? deviation)
    {
        deviation = null;
        if (Rfc3339.TryParse(text, out utc))
        {
            deviation = IsUtc(text) ? null : Deviation.DateInOtherZone;
            return true;
        }

        var trimmed = text.Trim();
        return TryReadDateOnly(trimmed, out utc, out deviation)
            || TryReadUnixTime(trimmed, out utc, out deviation)
            || TryReadOtherForm(trimmed, out utc, out deviation);
    }

    /// <summary>Seconds since 1970, or null for what is no date.</summary>
    public static DateTimeOffset? OfUnixTime(long seconds) =>
        seconds is >= 0 and < 100_000_000_000 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    private static bool IsUtc(string text) => text[^1] is 'Z' or 'z' || text.EndsWith("00:00", StringComparison.Ordinal);

    private static bool TryReadDateOnly(string text, out DateTimeOffset utc, out Deviation? deviation)
    {
        deviation = Deviation.DateOnly;
        return Day(text, out utc);
    }

    private static bool TryReadUnixTime(string text, out DateTimeOffset utc, out Deviation? deviation)
    {
        (utc, deviation) = (default, Deviation.DateInOtherForm);
        if (text.Length != UnixTimeDigits || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            return false;
        }

        utc = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return true;
    }

    // A space for the T, no seconds, hour 24, a zone without its colon, or none.
    private static bool TryReadOtherForm(string text, out DateTimeOffset utc, out Deviation? deviation)
    {
        (utc, deviation) = (default, Deviation.DateInOtherForm);
        if (text.Length < DateLength + 6 || text[DateLength] is not (' ' or 'T' or 't') || !Day(text[..DateLength], out var day))
        {
            return false;
        }

        var rest = text[(DateLength + 1)..].TrimStart();
        var length = rest.AsSpan().IndexOfAnyExcept(OfATime) is >= 0 and var end ? end : rest.Length;
        var (time, zone) = (rest[..length], rest[length..].Trim());
        if (zone.Length == 0)
        {
            deviation = Deviation.DateWithoutZone;
        }

        if (time is "24:00" or "24:00:00")
        {
            time = "00:00:00";
            if (day > DateTimeOffset.MaxValue.AddDays(-2))
            {
                return false;
            }

            day = day.AddDays(1);
        }

        if (DateTime.TryParseExact(time, WithoutSeconds, CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            time += ":00";
        }

        return Zone(zone) is { } offset
            && Rfc3339.TryParse($"{day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}T{time}{offset}", out utc);
    }

    private static bool Day(string text, out DateTimeOffset day) =>
        DateTimeOffset.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out day);

    private static string? Zone(string text) => text switch
    {
        "" or "UTC" or "GMT" or "Z" or "z" => "Z",
        { Length: 3 } => $"{text}:00",
        { Length: 5 } => $"{text[..3]}:{text[3..]}",
        _ => text,
    };
}
