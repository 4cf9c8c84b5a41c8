namespace StsFunctions.Domains;

/// <summary>A part of a domain's reports, by their keys: they begin with the day.</summary>
internal sealed record ReportRange
{
    // Sorts behind every digit, as keys of days have them, and right behind a colon.
    private const string Beyond = ";";

    private ReportRange(string first, string end) => (First, End) = (first, end);

    /// <summary>The first key that may be in it.</summary>
    public string First { get; private init; }

    /// <summary>The first key that is beyond it.</summary>
    public string End { get; }

    /// <summary>Every report from a day on.</summary>
    public static ReportRange From(DateOnly day) => new(Keys.Day(day), Beyond);

    /// <summary>The reports of some days, both ends included.</summary>
    public static ReportRange Of(DateOnly from, DateOnly to) => new(Keys.Day(from), Keys.Day(to) + Beyond);

    /// <summary>Every body of one report.</summary>
    public static ReportRange OfIdentity(string identity) => new(identity + ":", identity + Beyond);

    /// <summary>What comes after a report, and after every other body of it.</summary>
    public ReportRange After(string identity) => string.CompareOrdinal(identity + Beyond, First) > 0 ? this with { First = identity + Beyond } : this;
}
