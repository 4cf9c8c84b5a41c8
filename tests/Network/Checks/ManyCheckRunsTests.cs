using System.Text;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.UseCases.Checks;
using Xunit;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>
/// Years of check runs over the whole catalogue, each domain as it was really observed, where two attempts in a hundred fail: one part
/// of what they observe, or several, or all of it.
/// </summary>
public sealed class ManyCheckRunsTests
{
    private const int Runs = 1000;
    private const double Failing = 0.02;
    private const string Id = "20260314120000";
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromMinutes(5);
    private static readonly CheckRunRules Rules = new(BetweenAttempts, RemoteProbeRequester.Timeout, RuleEngine.RequiresConfirmation);
    private static readonly TimeSpan NotificationLimit = TimeSpan.FromMinutes(20);

    private static readonly SmtpOutcome[] Failures =
    [
        SmtpOutcome.ConnectionTimedOut, SmtpOutcome.ConnectionRefused, SmtpOutcome.ConnectionDropped, SmtpOutcome.Rejected,
        SmtpOutcome.StartTlsMissing, SmtpOutcome.StartTlsRefused, SmtpOutcome.TlsFailed,
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_false_finding_is_notified_with_two_percent_of_attempts_failing_and_every_outage_is_within_twenty_minutes()
    {
        var random = new Random(8461);
        var cases = await ObserveAllAsync();
        var (failures, wrong) = (0, new List<string>());
        foreach (var context in cases)
        {
            var clear = RuleEngine.Evaluate(context);
            var truth = clear.Findings.ToDictionary(Key, finding => finding.Severity);
            IReadOnlyList<OpenFinding> open = [];
            for (var run = 0; run < Runs; run++)
            {
                // Every other run finds each fault anew; the rest find it open.
                open = run % 2 == 0 ? [] : open;
                var (state, attempt) = (CheckRunState.None, 0);
                do
                {
                    attempt++;
                    var fails = random.NextDouble() < Failing;
                    failures += fails ? 1 : 0;
                    var observation = fails ? Broken(context.Observation, random) : context.Observation;
                    var results = fails ? RuleEngine.Evaluate(context with { Observation = observation }) : clear;
                    var outcome = state.On(new CheckEvaluation(observation, results, null, 0).ToEvent(new CheckRunDecision.StartAttempt("1", attempt), open, false, observation.At), Rules);
                    var changes = FindingDiff.Between(open, outcome.Confirmed, results.Inconclusive);
                    wrong.AddRange(changes
                        .Where(change => change.Change is Change.Opened or Change.Escalated && !(truth.TryGetValue(Key(change.Finding), out var worst) && change.Finding.Severity <= worst))
                        .Select(change => $"{context.Observation.Domain}, check run {run}, attempt {attempt}: {change.Change} {change.Finding.Severity} {Key(change.Finding)} {change.Finding.Evidence}"));
                    open = After(open, changes);
                    state = outcome.State;
                }
                while (state.IsOpen);

                var notified = open.Select(o => Key(o.Finding)).ToHashSet();
                wrong.AddRange(truth.Keys.Where(key => !notified.Contains(key)).Select(key => $"{context.Observation.Domain}, check run {run}: {key} is not notified after {attempt} attempts"));
            }
        }

        Assert.Equal("", string.Join(Environment.NewLine, wrong.Take(20)));
        Assert.True((CheckRunState.MaxAttempts - 1) * BetweenAttempts <= NotificationLimit);
        Assert.InRange(failures, cases.Count * Runs * Failing / 2, cases.Count * Runs * Failing * CheckRunState.MaxAttempts);
    }

    // The whole catalogue, as the app itself observes it.
    private static async Task<IReadOnlyList<RuleContext>> ObserveAllAsync()
    {
        await using var lab = await Lab.StartAsync([.. LabDomains.All]);
        var cases = new List<RuleContext>();
        foreach (var domain in LabDomains.All)
        {
            lab.MailLab.SetPolicyId(domain.Name, Id);
            var observation = await lab.Observer().ObserveAsync(DomainName.Parse(domain.Name), "1", Cancellation);
            var policy = Encoding.UTF8.GetBytes(domain.Policy);
            cases.Add(new RuleContext(observation, Policy.Parse(policy), new HostedDomain(Id, observation.At.AddDays(-2), observation.At.AddDays(-2), policy), ExpectedTargets.Unknown));
        }

        return cases;
    }

    // An attempt that fails: each part of it by chance, at least one, each in its own way.
    private static Observation Broken(Observation observation, Random random)
    {
        var broken = observation;
        do
        {
            broken = broken with
            {
                Mx = Answer(broken.Mx),
                StsRecords = Answer(broken.StsRecords),
                TlsRptRecords = Answer(broken.TlsRptRecords),
                Dmarc = Answer(broken.Dmarc),
                PolicyHost = broken.PolicyHost with
                {
                    A = Answer(broken.PolicyHost.A),
                    Aaaa = Answer(broken.PolicyHost.Aaaa),
                    Caa = Answer(broken.PolicyHost.Caa),
                    Fetch = broken.PolicyHost.Fetch is { } fetch && Toss() ? Fetch(fetch) : broken.PolicyHost.Fetch,
                },
                MxHosts = [.. broken.MxHosts.Select(host => host with
                {
                    A = Answer(host.A),
                    Aaaa = Answer(host.Aaaa),
                    Tlsa = Answer(host.Tlsa),
                    Probes = [.. host.Probes.Select(probe => Toss() ? probe with { Default = Session(probe.Default) } : probe)],
                })],
            };
        }
        while (ReferenceEquals(broken, observation));

        // Where DNS does not return the MX hosts, none is probed.
        return broken.Mx.IsKnown ? broken : broken with { MxHosts = [], OutboundSmtp = OutboundSmtp.NotTested };

        bool Toss() => random.Next(4) == 0;

        DnsAnswer Answer(DnsAnswer answer) => answer.Outcome == DnsOutcome.NotAsked || !Toss()
            ? answer
            : new DnsAnswer(answer.Name, random.Next(2) == 0 ? DnsOutcome.Failed : DnsOutcome.TimedOut, [], Detail: "SERVFAIL");

        PolicyFetch Fetch(PolicyFetch fetch) => random.Next(4) switch
        {
            0 => new PolicyFetch(fetch.Url, PolicyFetchOutcome.TimedOut, Detail: "no whole answer in 60 s"),
            1 => new PolicyFetch(fetch.Url, PolicyFetchOutcome.NotReached, Detail: "refused"),
            2 => new PolicyFetch(fetch.Url, PolicyFetchOutcome.ConnectionDropped, Detail: "reset"),
            _ => new PolicyFetch(fetch.Url, PolicyFetchOutcome.OtherStatus, Status: 503),
        };

        SmtpSession Session(SmtpSession session) => new(
            session.Address,
            Failures[random.Next(Failures.Length)],
            Banner: session.Banner,
            StartTlsReply: session.StartTlsReply,
            Detail: "421 try again later");
    }

    private static IReadOnlyList<OpenFinding> After(IReadOnlyList<OpenFinding> open, IReadOnlyList<FindingChange> changes)
    {
        var now = open.ToDictionary(o => (o.Finding.Code, o.Finding.Subject));
        foreach (var change in changes)
        {
            if (change.Change == Change.Resolved)
            {
                now.Remove((change.Finding.Code, change.Finding.Subject));
            }
            else
            {
                now[(change.Finding.Code, change.Finding.Subject)] = new OpenFinding(change.Finding, TestStorage.Noon, "1");
            }
        }

        return [.. now.Values];
    }

    private static string Key(Finding finding) => $"{finding.Code} {finding.Subject}";
}
