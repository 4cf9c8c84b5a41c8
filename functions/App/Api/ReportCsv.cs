using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using nietras.SeparatedValues;
using StsFunctions.Core.Reports;

namespace StsFunctions.App.Api;

/// <summary>Reports as comma-separated values (RFC 4180), one line per policy type of each report.</summary>
internal static partial class ReportCsv
{
    private static readonly string[] Columns =
    [
        "day", "sender", "signedBy", "reportId", "start", "end", "policyType", "sessions", "failures", "source", "authentication", "counts", "superseded", "arrivedAt", "id",
    ];

    /// <summary>The header line.</summary>
    public static byte[] Head() => Written([Columns]);

    /// <summary>The lines of several reports.</summary>
    public static byte[] Lines(IEnumerable<Report> reports) => Written(reports.SelectMany(report => report.Types, LineOf));

    /// <summary>
    /// A cell that a spreadsheet reads as text (OWASP, CSV injection): a possible formula gets an apostrophe in
    /// front, also after a character that another spreadsheet reads as the end of a cell, and control characters are removed. A number stays a number.
    /// </summary>
    public static string Safe(string text) => PlainNumber().IsMatch(text) ? text : Formula().Replace(string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)), "${start}'");

    // The start of a cell, or what may be one: a separator of a localized spreadsheet, followed by blanks and quotes. DDE starts like this too.
    [GeneratedRegex("(?<start>^|[;,|])(?=[\\s\"']*[=+\\-@＝＋－＠])", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Formula();

    [GeneratedRegex(@"\A[+-]?[0-9]+(\.[0-9]+)?\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PlainNumber();

    private static string[] LineOf(Report report, TypeCounts type)
    {
        var line = ReportLineJson.Of(report);
        return
        [
            Date(line.Day), line.Sender, line.SignedBy, line.ReportId, Time(line.Start), Time(line.End), type.PolicyType, Number(type.Sessions), Number(type.Failures),
            line.Source, line.Authentication, Flag(line.IsCounted), Flag(line.Superseded), Time(line.ArrivedAt), line.Id,
        ];
    }

    private static byte[] Written(IEnumerable<string[]> lines)
    {
        var text = new StringBuilder();
        using (var target = new StringWriter(text, CultureInfo.InvariantCulture) { NewLine = "\r\n" })
        using (var writer = Sep.New(',').Writer(options => options with { Escape = true, WriteHeader = false }).To(target))
        {
            foreach (var line in lines)
            {
                using var row = writer.NewRow();
                for (var column = 0; column < line.Length; column++)
                {
                    row[column].Set(Safe(line[column]));
                }
            }
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static string Date(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Flag(bool flag) => flag ? "true" : "false";
}
