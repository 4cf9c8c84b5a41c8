using System.Globalization;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Core.Time;
using StsFunctions.Protocol;

namespace StsFunctions.Storage;

/// <summary>Creates every partition key, row key and id, so that the same thing always has the same key.</summary>
internal static class Keys
{
    /// <summary>The row key of a domain's record.</summary>
    public const string Record = "d";

    /// <summary>The row key, in the operator's partition, of the check run that started last.</summary>
    public const string LastCheckRun = "r";

    /// <summary>The row key, in the operator's partition, of the key that signs the provenance of raw reports.</summary>
    public const string ProvenanceKey = "k:provenance";

    /// <summary>The row key, in the operator's partition, of the recent mail count.</summary>
    public const string MailCount = "m";

    /// <summary>The prefix of the row keys, in the operator's partition, of the retention cursors.</summary>
    public const string RetentionPrefix = "s:";

    /// <summary>Sorts right after all of them.</summary>
    public const string EndOfRetention = "s;";

    /// <summary>Rows from here on are a domain's state; earlier rows are its audit trail.</summary>
    public const string FirstOfState = Record;

    public const string PolicyPrefix = "p:";

    /// <summary>Sorts right after every policy.</summary>
    public const string EndOfPolicies = "p;";

    public const string FindingPrefix = "f:";
    public const string OutboxPrefix = "o:";
    public const string AuditPrefix = "a:";
    public const string NotNotifiedPrefix = "n:";

    /// <summary>The shards of the DomainSummaries table: few enough to list, enough to spread the writes.</summary>
    public static IEnumerable<string> Shards { get; } = [.. Enumerable.Range(0, 16).Select(n => n.ToString("x", CultureInfo.InvariantCulture))];

    public static string Domain(DomainName domain) => domain.Value;

    public static string Shard(DomainName domain) => ContentHash.Digest(domain.Value)[0].ToString("x2", CultureInfo.InvariantCulture)[1..];

    /// <summary>A number from 0 to below 1 that is constant for a domain and evenly spread over many domains.</summary>
    public static double SpreadFraction(DomainName domain) => BitConverter.ToUInt16(ContentHash.Digest(domain.Value), 2) / 65536.0;

    public static string Policy(string id) => PolicyPrefix + id;

    public static string Finding(string code, string subject) => $"{FindingPrefix}{code}:{Safe(subject)}";

    public static string Outbox(string checkRun, Finding finding, Change change) => OutboxPrefix + ChangeId(checkRun, finding, change);

    /// <summary>The id, in the audit trail, of a change without a notification.</summary>
    public static string NotNotified(string checkRun, Finding finding, Change change) => NotNotifiedPrefix + ChangeId(checkRun, finding, change);

    /// <summary>An audit row: by time, then by event.</summary>
    public static string Audit(DateTimeOffset time, string what) => $"{AuditPrefix}{CheckRunId.Of(time)}:{Safe(what)}";

    /// <summary>The partition of an MX host: its name, or a hash for a name that is too long or no host name.</summary>
    public static string MxHost(string host) => Safe(host.ToLowerInvariant());

    /// <summary>The row of one address of an MX host.</summary>
    public static string MxAddress(System.Net.IPAddress address) => address.ToString();

    /// <summary>The partition of the tasks for probe agents; no host name can hold an <c>@</c>.</summary>
    public const string ProbeTasks = "@wanted";

    /// <summary>The partition of the probe agents that asked for work.</summary>
    public const string Agents = "@agents";

    /// <summary>The row of a probe task.</summary>
    public static string ProbeTask(string host, System.Net.IPAddress address) => $"{MxHost(host)}:{MxAddress(address)}";

    /// <summary>The row of a probe agent.</summary>
    public static string Agent(string name) => Safe(name);

    /// <summary>The name of a stored raw report: the day of arrival, then a hash of the content, so that the same report has the same name.</summary>
    public static string RawReport(DateTimeOffset arrived, ReadOnlySpan<byte> raw) =>
        $"{arrived.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}/{ContentHash.Of(raw)}";

    /// <summary>Sorts right after every day.</summary>
    public const string EndOfDays = ":";

    /// <summary>The partition of the daily counts of posted reports, apart from every domain's: no domain name can hold an <c>@</c>.</summary>
    public const string PostCounts = "@posts";

    /// <summary>A domain's count of one day.</summary>
    public static string PostCount(DateOnly day, DomainName domain) => $"{ReportIdentity.Day(day)}:{domain.Value}";

    /// <summary>The partition of the daily counts of reports that arrived by mail and as files.</summary>
    public const string SignerCounts = "@signers";

    /// <summary>A sender's count of one day.</summary>
    public static string SignerCount(DateOnly day, ReportSender sender) => $"{ReportIdentity.Day(day)}:{(sender.IsSigner ? 's' : 'u')}:{sender.Domain}";

    public static string ReportFailure(string report, string generation, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{report}:{generation}:{number:d4}");

    /// <summary>A UTC time as 14 digits, which is also what policy ids are (RFC 8461 §3.1 allows letters and digits).</summary>
    public static string Timestamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture);

    /// <summary>The inverted time stamp, which sorts the newest first.</summary>
    public static string InvertedTimestamp(DateTimeOffset time) =>
        (DateTimeOffset.MaxValue.Ticks - time.UtcTicks).ToString("d19", CultureInfo.InvariantCulture);

    /// <summary>The time of an inverted stamp; null if the text is not valid.</summary>
    public static DateTimeOffset? TimeOf(string invertedStamp) =>
        long.TryParse(invertedStamp, NumberStyles.None, CultureInfo.InvariantCulture, out var inverted)
        && DateTimeOffset.MaxValue.Ticks - inverted is >= 0 and var ticks && ticks <= DateTime.MaxValue.Ticks
            ? new DateTimeOffset(ticks, TimeSpan.Zero)
            : null;

    private static string ChangeId(string checkRun, Finding finding, Change change) => $"{checkRun}:{finding.Code}:{Safe(finding.Subject)}:{change.ToString().ToLowerInvariant()}";

    // Keys must not hold / \ # ? or control characters, and are at most 1 KiB; a plain name is readable, so it stays.
    private static string Safe(string text) =>
        text.Length is > 0 and <= 128 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-' or '_' or '*')
            ? text
            : ContentHash.Of(text);
}
