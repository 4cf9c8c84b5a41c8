using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using StsFunctions.Protocol;

namespace StsFunctions.Domains;

/// <summary>Makes every partition key, row key and id, so that the same thing always has the same key.</summary>
internal static class Keys
{
    /// <summary>The partition of what concerns the installation and no domain; no domain name can hold an <c>@</c>.</summary>
    public const string Operator = "@operator";

    /// <summary>The row key of a domain's record.</summary>
    public const string Record = "d";

    /// <summary>The row key, in the operator's partition, of the round that began last.</summary>
    public const string LastRound = "r";

    /// <summary>The row key, in the operator's partition, of the key that what the app says of a raw report is signed with.</summary>
    public const string ProvenanceKey = "k:provenance";

    /// <summary>The row key, in the operator's partition, of how many mails were sent lately.</summary>
    public const string MailCount = "m";

    /// <summary>Begins the row keys, in the operator's partition, of how far the sweep has come with a kind of data.</summary>
    public const string RetentionPrefix = "s:";

    /// <summary>Sorts right behind all of them.</summary>
    public const string EndOfRetention = "s;";

    /// <summary>Rows from here on are a domain's state; what sorts before is its audit trail.</summary>
    public const string FirstOfState = Record;

    public const string PolicyPrefix = "p:";

    /// <summary>Sorts right behind every policy.</summary>
    public const string EndOfPolicies = "p;";

    public const string FindingPrefix = "f:";
    public const string OutboxPrefix = "o:";
    public const string AuditPrefix = "a:";
    public const string NotNotifiedPrefix = "n:";

    /// <summary>Shards of the Fleet table: few enough to list, enough to spread the writes.</summary>
    public static IEnumerable<string> Shards { get; } = [.. Enumerable.Range(0, 16).Select(n => n.ToString("x", CultureInfo.InvariantCulture))];

    public static string Domain(DomainName domain) => domain.Value;

    public static string Shard(DomainName domain) => Digest(domain.Value)[0].ToString("x2", CultureInfo.InvariantCulture)[1..];

    /// <summary>A number from 0 to below 1 that is always the same for a domain, and evenly spread over many.</summary>
    public static double Place(DomainName domain) => BitConverter.ToUInt16(Digest(domain.Value), 2) / 65536.0;

    public static string Policy(string id) => PolicyPrefix + id;

    public static string Finding(string code, string subject) => $"{FindingPrefix}{code}:{Safe(subject)}";

    public static string Outbox(string round, Finding finding, Change change) => OutboxPrefix + ChangeId(round, finding, change);

    /// <summary>The id, in the audit trail, of a change that notifies nobody.</summary>
    public static string NotNotified(string round, Finding finding, Change change) => NotNotifiedPrefix + ChangeId(round, finding, change);

    /// <summary>An audit row: by time, then by what happened.</summary>
    public static string Audit(DateTimeOffset time, string what) => $"{AuditPrefix}{Round(time)}:{Safe(what)}";

    /// <summary>The partition of an MX host: its name, or what stands for one that is too long or no host name.</summary>
    public static string MxHost(string host) => Safe(host.ToLowerInvariant());

    /// <summary>The row of one address of an MX host.</summary>
    public static string MxAddress(System.Net.IPAddress address) => address.ToString();

    /// <summary>The partition of the addresses that probe agents are to look at; no host name can hold an <c>@</c>.</summary>
    public const string Wanted = "@wanted";

    /// <summary>The partition of the probe agents that asked for work.</summary>
    public const string Agents = "@agents";

    /// <summary>The row of an address that probe agents are to look at.</summary>
    public static string WantedLook(string host, System.Net.IPAddress address) => $"{MxHost(host)}:{MxAddress(address)}";

    /// <summary>The row of a probe agent.</summary>
    public static string Agent(string name) => Safe(name);

    /// <summary>Where a raw report is kept: by the day it arrived, then by its content, so that the same one takes its own place.</summary>
    public static string RawReport(DateTimeOffset arrived, ReadOnlySpan<byte> raw) =>
        $"{arrived.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}/{Hash(raw)}";

    /// <summary>A report's day and identity: policy domain (the partition), submitter, report-id and start (RFC 8460 §4.4; RPT-6).</summary>
    public static string Report(DateOnly day, string submitter, string reportId, DateTimeOffset start) =>
        $"{Day(day)}:{Hash($"{submitter.ToLowerInvariant()}\n{reportId}\n{start.ToUniversalTime():O}")}";

    /// <summary>The first key of a day's reports; sorts after every earlier day's.</summary>
    public static string Day(DateOnly day) => day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    /// <summary>Sorts right behind every day.</summary>
    public const string EndOfDays = ":";

    /// <summary>The partition of how many posted reports were taken, apart from every domain's: no domain name can hold an <c>@</c>.</summary>
    public const string PostCounts = "@posts";

    /// <summary>A domain's count of one day.</summary>
    public static string PostCount(DateOnly day, DomainName domain) => $"{Day(day)}:{domain.Value}";

    /// <summary>The partition of how many reports came by mail and as files, likewise.</summary>
    public const string SignerCounts = "@signers";

    /// <summary>A sender's count of one day.</summary>
    public static string SignerCount(DateOnly day, ReportSender sender) => $"{Day(day)}:{(sender.IsSigner ? 's' : 'u')}:{sender.Domain}";

    public static string ReportFailure(string report, string generation, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{report}:{generation}:{number:d4}");

    /// <summary>A round of checks: a UTC time to the millisecond, so that one asked for right after another is a round of its own.</summary>
    public static string Round(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMddHHmmssfff", CultureInfo.InvariantCulture);

    /// <summary>One look of a round, the first being the round itself: sorts behind it and before the next.</summary>
    public static string Look(string round, int look) => look <= 1 ? round : string.Create(CultureInfo.InvariantCulture, $"{round}.{look}");

    /// <summary>The round of a look.</summary>
    public static string RoundOf(string look) => look.Split('.', 2)[0];

    /// <summary>A UTC time as 14 digits, which is also what policy ids are (RFC 8461 §3.1 allows letters and digits).</summary>
    public static string Stamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture);

    /// <summary>Sorts the newest first.</summary>
    public static string InvertedStamp(DateTimeOffset time) =>
        (DateTimeOffset.MaxValue.Ticks - time.UtcTicks).ToString("d19", CultureInfo.InvariantCulture);

    /// <summary>The time of an inverted stamp; null where the text is none.</summary>
    public static DateTimeOffset? TimeOf(string invertedStamp) =>
        long.TryParse(invertedStamp, NumberStyles.None, CultureInfo.InvariantCulture, out var inverted)
        && DateTimeOffset.MaxValue.Ticks - inverted is >= 0 and var ticks && ticks <= DateTime.MaxValue.Ticks
            ? new DateTimeOffset(ticks, TimeSpan.Zero)
            : null;

    /// <summary>26 letters and digits that stand for any text or bytes: base32 of SHA-256, cut at 130 bits.</summary>
    public static string Hash(string text) => Base32(Digest(text));

    /// <inheritdoc cref="Hash(string)"/>
    public static string Hash(ReadOnlySpan<byte> bytes) => Base32(SHA256.HashData(bytes));

    /// <summary>The same, of a SHA-256 digest that is at hand.</summary>
    public static string OfDigest(byte[] sha256) => Base32(sha256);

    private static string ChangeId(string round, Finding finding, Change change) => $"{round}:{finding.Code}:{Safe(finding.Subject)}:{change.ToString().ToLowerInvariant()}";

    // Keys must not hold / \ # ? or control characters, and are at most 1 KiB; a plain name is readable, so it stays.
    private static string Safe(string text) =>
        text.Length is > 0 and <= 128 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-' or '_' or '*')
            ? text
            : Hash(text);

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    private static string Base32(byte[] digest)
    {
        const string alphabet = "abcdefghijklmnopqrstuvwxyz234567";
        return string.Create(26, digest, static (chars, digest) =>
        {
            for (var i = 0; i < chars.Length; i++)
            {
                var bit = i * 5;
                var window = (digest[bit / 8] << 8) | digest[(bit / 8) + 1];
                chars[i] = alphabet[(window >> (11 - (bit % 8))) & 31];
            }
        });
    }
}
