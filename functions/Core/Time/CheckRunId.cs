using System.Globalization;

namespace StsFunctions.Core.Time;

/// <summary>The id of a check run: a UTC time to the millisecond, so that ids sort by time and a run requested right after another has an id of its own.</summary>
internal static class CheckRunId
{
    /// <summary>The id of a run that begins at a time.</summary>
    public static string Of(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMddHHmmssfff", CultureInfo.InvariantCulture);

    /// <summary>The id of one attempt of a run. The first attempt has the id of the run; later ones sort after it and before the next run.</summary>
    public static string Attempt(string run, int attempt) => attempt <= 1 ? run : string.Create(CultureInfo.InvariantCulture, $"{run}.{attempt}");

    /// <summary>The run of an attempt.</summary>
    public static string RunOf(string attempt) => attempt.Split('.', 2)[0];
}
