using System.Globalization;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>The name of a report's file (RFC 8460 §5.1): <c>sender!policy-domain!begin!end[!unique-id].extension</c>.</summary>
internal sealed record ReportFileName(string Sender, string PolicyDomain, DateTimeOffset Begin, DateTimeOffset End, string? UniqueId)
{
    // Longer than any name that a file system takes.
    private const int MaxLength = 1_024;

    private static readonly string[] Extensions = [".json.gz", ".json.zip", ".json", ".gz", ".zip"];

    /// <summary>Reads a name; null where it is none of these.</summary>
    public static ReportFileName? Read(string? name)
    {
        if (name is null or { Length: > MaxLength })
        {
            return null;
        }

        var bare = name[(name.LastIndexOfAny(['/', '\\']) + 1)..];
        var extension = Array.Find(Extensions, known => bare.EndsWith(known, StringComparison.OrdinalIgnoreCase)) ?? "";
        return bare[..^extension.Length].Split('!') is [var sender, var domain, var begin, var end, .. { Length: <= 1 } rest]
            && Time(begin) is { } from
            && Time(end) is { } to
            && from <= to
            ? new ReportFileName(sender, domain, from, to, rest is [{ Length: > 0 } id] ? id : null)
            : null;
    }

    private static DateTimeOffset? Time(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && ReportDate.OfUnixTime(seconds) is { } utc ? utc : null;
}
