using System.Globalization;
using Microsoft.Extensions.Primitives;
using StsFunctions.App.Http;

namespace StsFunctions.App.Api;

/// <summary>Reads query parameters and reports invalid ones.</summary>
internal static class Query
{
    /// <summary>A whole number from 1 on, or the default if it is missing.</summary>
    /// <exception cref="ProblemException">The value is not valid.</exception>
    public static int NumberOf(StringValues text, string name, int fallback, int most) => text.Count == 0
        ? fallback
        : int.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
            ? number
            : throw ProblemException.BadRequest($"{name} is a whole number from 1 to {most}.");

    /// <summary>A day, or null if it is missing.</summary>
    /// <exception cref="ProblemException">The value is not valid.</exception>
    public static DateOnly? DayOf(StringValues text, string name) => text.Count == 0
        ? null
        : DateOnly.TryParseExact(text.ToString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year > 1
            && day.Year < DateOnly.MaxValue.Year
            ? day
            : throw ProblemException.BadRequest($"{name} is a day as yyyy-MM-dd.");
}
