using StsFunctions.Core.Reports;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Tests.EvaluateReports;

/// <summary>Rows of reports, as a reader of the store gets them.</summary>
internal static class Reported
{
    public static readonly DateOnly Today = DateOnly.FromDateTime(TestStorage.Noon.UtcDateTime);

    /// <summary>A report of so many days ago, on sessions under one policy type.</summary>
    public static Report Of(int daysAgo, string sender = "Company-X", long sessions = 100, bool counts = true, string policyType = PolicyTypes.Sts, params FailureKind[] kinds) =>
        SignedBy(counts ? SignerOf(sender) : "", daysAgo, sender, sessions, policyType, kinds);

    /// <summary>The same, signed by a domain that may be unrelated to the name; unsigned, it does not count.</summary>
    public static Report SignedBy(string signer, int daysAgo, string sender = "Company-X", long sessions = 100, string policyType = PolicyTypes.Sts, params FailureKind[] kinds)
    {
        var start = new DateTimeOffset(Today.AddDays(-daysAgo), TimeOnly.MinValue, TimeSpan.Zero);
        var failures = kinds.Sum(kind => kind.Sessions);
        return new Report(
            "example.com", sender, $"{sender} {daysAgo}", start, start.AddDays(1).AddSeconds(-1), policyType, sessions - failures, failures, ReportSource.Mail,
            signer.Length > 0 ? AuthenticationResult.Aligned : AuthenticationResult.Unverified, start.AddDays(1).AddHours(4), $"hash-{signer}-{sender.ToLowerInvariant()}-{daysAgo}", "raw")
        {
            IsCounted = signer.Length > 0,
            SignedBy = signer,
            Digest = new ReportDigest([new TypeCounts(policyType, sessions - failures, failures, [.. kinds], 0)]),
        };
    }

    /// <summary>The domain that signs for a sender of this name.</summary>
    public static string SignerOf(string sender) => $"{sender.ToLowerInvariant().Replace(' ', '-')}.example";

    public static FailureKind Kind(string resultType, long sessions, string host = "mx1.example.com", string address = "192.0.2.1") => new(resultType, host, address, sessions);
}
