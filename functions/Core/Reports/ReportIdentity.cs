using System.Globalization;
using StsFunctions.Core.Text;

namespace StsFunctions.Core.Reports;

/// <summary>What several bodies of one report have in common: policy domain, submitter, report-id and start (RFC 8460 §4.4; RPT-6). Sorts by day.</summary>
internal static class ReportIdentity
{
    /// <summary>The identity of a report within its policy domain.</summary>
    public static string Of(DateOnly day, string submitter, string reportId, DateTimeOffset start) =>
        $"{Day(day)}:{ContentHash.Of($"{submitter.ToLowerInvariant()}\n{reportId}\n{start.ToUniversalTime():O}")}";

    /// <summary>What the identities of a day's reports begin with; sorts after every earlier day's.</summary>
    public static string Day(DateOnly day) => day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
}
