using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace StsFunctions.Api;

/// <summary>Reads what stands in a query; what is wrong is said.</summary>
internal static class Query
{
    /// <summary>A whole number from 1 on, or the default where it is left out.</summary>
    /// <exception cref="ProblemException">It is something else.</exception>
    public static int NumberOf(StringValues text, string name, int fallback, int most) => text.Count == 0
        ? fallback
        : int.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
            ? number
            : throw ProblemException.BadRequest($"{name} is a whole number from 1 to {most}.");

    /// <summary>A day, or null where it is left out.</summary>
    /// <exception cref="ProblemException">It is something else.</exception>
    public static DateOnly? DayOf(StringValues text, string name) => text.Count == 0
        ? null
        : DateOnly.TryParseExact(text.ToString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year > 1
            && day.Year < DateOnly.MaxValue.Year
            ? day
            : throw ProblemException.BadRequest($"{name} is a day as yyyy-MM-dd.");
}
