using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using StsFunctions.Core.Text;

namespace StsFunctions.Core.Reports;

/// <summary>
/// The id of a raw report that the app stored, in <c>reports</c> or <c>reports-quarantine</c>: <c>&lt;yyyy-MM-dd&gt;/&lt;hash&gt;</c>, the day on which it
/// arrived and what <see cref="ContentHash.Of(string)"/> makes. Nothing else is ever read there.
/// </summary>
internal sealed record RawReportId
{
    private const string DayFormat = "yyyy-MM-dd";
    private const int HashLength = 26;

    private RawReportId(string value, DateOnly day) => (Value, Day) = (value, day);

    /// <summary>The id, which is the blob's name.</summary>
    public string Value { get; }

    /// <summary>The day on which it arrived, in UTC.</summary>
    public DateOnly Day { get; }

    /// <summary>Reads an id.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out RawReportId? id)
    {
        id = text is not null
            && text.Length == DayFormat.Length + 1 + HashLength
            && text[DayFormat.Length] == '/'
            && DateOnly.TryParseExact(text[..DayFormat.Length], DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            && text[(DayFormat.Length + 1)..].All(c => char.IsAsciiLetterLower(c) || c is >= '2' and <= '7')
                ? new RawReportId(text, day)
                : null;
        return id is not null;
    }

    /// <summary>Reads an id that must be one.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static RawReportId Parse(string text) => TryParse(text, out var id) ? id : throw new FormatException("Not the id of a raw report: <yyyy-MM-dd>/<hash>.");

    /// <summary>How the ids of one day begin.</summary>
    public static string PrefixOf(DateOnly day) => day.ToString(DayFormat, CultureInfo.InvariantCulture) + "/";

    /// <inheritdoc/>
    public override string ToString() => Value;
}
