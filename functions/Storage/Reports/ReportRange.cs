using StsFunctions.Core.Reports;

namespace StsFunctions.Storage.Reports;

/// <summary>A range of a domain's reports, by their keys, which begin with the day.</summary>
internal sealed record ReportRange
{
    // Sorts after every digit, as in the keys of days, and right after a colon.
    private const string Beyond = ";";

    private ReportRange(string first, string end) => (First, End) = (first, end);

    /// <summary>The first key of the range.</summary>
    public string First { get; private init; }

    /// <summary>The first key after the range.</summary>
    public string End { get; }

    /// <summary>Every report from a day on.</summary>
    public static ReportRange From(DateOnly day) => new(ReportIdentity.Day(day), Beyond);

    /// <summary>The reports of some days, both ends included.</summary>
    public static ReportRange Of(DateOnly from, DateOnly to) => new(ReportIdentity.Day(from), ReportIdentity.Day(to) + Beyond);

    /// <summary>Every body of one report.</summary>
    public static ReportRange OfIdentity(string identity) => new(identity + ":", identity + Beyond);

    /// <summary>The reports after a report and after every other body of it.</summary>
    public ReportRange After(string identity) => string.CompareOrdinal(identity + Beyond, First) > 0 ? this with { First = identity + Beyond } : this;
}
