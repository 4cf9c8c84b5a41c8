using System.Text.Json;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Fuzz;

/// <summary>A healthy domain, of which a target replaces one part by its input; and the invariants of every evaluation.</summary>
internal static class ObservedDomain
{
    // A property of a table holds 64 KiB; a finding's texts are cut at an eighth of it.
    private const int MaxText = 8 * 1024;

    public static readonly DateTimeOffset At = new(2026, 3, 14, 12, 0, 0, TimeSpan.Zero);

    public const string PolicyId = "20260301000000";

    private static readonly byte[] PolicyFile = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmax_age: 1209600\r\n"u8.ToArray();

    /// <summary>The healthy domain, without MX hosts.</summary>
    public static Observation Good { get; } = new(
        Observation.CurrentVersion, "example.com", "20260314120000000", At,
        Found("example.com", "10 mx1.example.com"),
        Found("_mta-sts.example.com", $"v=STSv1; id={PolicyId};"),
        Found("_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:reports@example.com"),
        Found("_dmarc.example.com", "v=DMARC1; p=reject"),
        new PolicyHostObservation(
            "mta-sts.example.com",
            Found("mta-sts.example.com", "192.0.2.80"),
            Nothing("mta-sts.example.com"),
            Nothing("mta-sts.example.com"),
            Fetched(PolicyFile)),
        [],
        OutboundSmtp.Open);

    public static DnsAnswer Found(string name, params IReadOnlyList<string> records) => new(name, records.Count > 0 ? DnsOutcome.Found : DnsOutcome.Empty, records, Ttl: 300);

    public static DnsAnswer Nothing(string name) => new(name, DnsOutcome.Empty, []);

    public static PolicyFetch Fetched(byte[] body) => new(
        new Uri("https://mta-sts.example.com/.well-known/mta-sts.txt"), PolicyFetchOutcome.Fetched, Status: 200, ContentType: "text/plain", Body: body, Address: "192.0.2.80", Milliseconds: 120);

    /// <summary>No rule fails, findings are plain and bounded, and the observation is the same after it was stored.</summary>
    public static void AssertEvaluated(Observation observation)
    {
        var policy = Policy.Parse(PolicyFile);
        var hosted = new HostedDomain(PolicyId, At.AddDays(-13), At.AddDays(-13), PolicyFile, StsTtl: 300);
        var evaluated = RuleEngine.Evaluate(new RuleContext(observation, policy, hosted, new ExpectedTargets(["app.example.net"], ["https://app.example.net/v1/tlsrpt"], "ca.example")));
        Invariant.Holds(evaluated.Failed is [], $"rules failed: {string.Join("; ", evaluated.Failed)}");
        foreach (var finding in evaluated.Findings)
        {
            Invariant.Plain(finding.Subject, MaxText, $"the subject of {finding.Code}");
            Invariant.Plain(finding.Evidence, MaxText, $"the evidence of {finding.Code}");
            Invariant.Plain(finding.Meaning, MaxText, $"the meaning of {finding.Code}");
            Invariant.Plain(finding.Remedy, MaxText, $"the remedy of {finding.Code}");
        }

        Invariant.Holds(
            evaluated.Findings.GroupBy(finding => (finding.Code, finding.Subject)).All(same => same.Count() == 1),
            $"a rule finds a subject twice: {string.Join(", ", evaluated.Findings.Select(finding => $"{finding.Code} {finding.Subject}"))}");

        var json = observation.ToJson();
        var read = JsonSerializer.Deserialize(json, ObservationJson.Default.Observation);
        Invariant.Holds(read is not null && read.ToJson().AsSpan().SequenceEqual(json), "the observation differs after it was stored");
    }
}
