using StsFunctions.Domains;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Tests.JudgeReports;

/// <summary>Rows of reports, as a reader of the store gets them.</summary>
internal static class Reported
{
    public static readonly DateOnly Today = DateOnly.FromDateTime(TestStorage.Noon.UtcDateTime);

    /// <summary>A report of so many days ago, on sessions under one policy type.</summary>
    public static Report Of(int daysAgo, string sender = "Company-X", long sessions = 100, bool counts = true, string policyType = PolicyTypes.Sts, params FailureKind[] kinds)
    {
        var start = new DateTimeOffset(Today.AddDays(-daysAgo), TimeOnly.MinValue, TimeSpan.Zero);
        var failures = kinds.Sum(kind => kind.Sessions);
        return new Report(
            "example.com", sender, $"{sender} {daysAgo}", start, start.AddDays(1).AddSeconds(-1), policyType, sessions - failures, failures, ReportSource.Mail,
            counts ? Verdict.Aligned : Verdict.Unverified, start.AddDays(1).AddHours(4), $"hash-{sender.ToLowerInvariant()}-{daysAgo}", "raw")
        {
            Counts = counts,
            Digest = new ReportDigest([new TypeCounts(policyType, sessions - failures, failures, [.. kinds], 0)]),
        };
    }

    public static FailureKind Kind(string resultType, long sessions, string host = "mx1.example.com", string address = "192.0.2.1") => new(resultType, host, address, sessions);
}
