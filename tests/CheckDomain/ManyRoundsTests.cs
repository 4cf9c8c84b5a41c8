using System.Text;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Local.MailInternet;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using DnsAnswer = StsFunctions.CheckDomain.DnsAnswer;
using SmtpSession = StsFunctions.CheckDomain.SmtpSession;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>
/// Years of rounds over the whole catalogue, each domain as it was really seen, where two looks in a hundred fail: one part
/// of what they look at, or several, or all of it.
/// </summary>
public sealed class ManyRoundsTests
{
    private const int Rounds = 1000;
    private const double Failing = 0.02;
    private const string Id = "20260314120000";
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMinutes(5);
    private static readonly CheckRunRules s_rules = new(BetweenLooks, AgentEyes.Patience, Judge.TakesThreeLooks);
    private static readonly TimeSpan Told = TimeSpan.FromMinutes(20);

    private static readonly SmtpOutcome[] s_failures =
    [
        SmtpOutcome.ConnectionTimedOut, SmtpOutcome.ConnectionRefused, SmtpOutcome.BrokenOff, SmtpOutcome.Turned,
        SmtpOutcome.StartTlsMissing, SmtpOutcome.StartTlsRefused, SmtpOutcome.TlsFailed,
    ];

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_two_looks_in_a_hundred_failing_nothing_is_told_that_is_not_so_and_every_outage_within_twenty_minutes()
    {
        var random = new Random(8461);
        var cases = await SeenAsync();
        var (failures, wrong) = (0, new List<string>());
        foreach (var given in cases)
        {
            var clear = Judge.Of(given);
            var truth = clear.Findings.ToDictionary(Key, finding => finding.Severity);
            IReadOnlyList<OpenFinding> open = [];
            for (var round = 0; round < Rounds; round++)
            {
                // Every other round finds each fault anew; the rest find it as it stands.
                open = round % 2 == 0 ? [] : open;
                var (run, look) = (CheckRunState.None, 0);
                do
                {
                    look++;
                    var fails = random.NextDouble() < Failing;
                    failures += fails ? 1 : 0;
                    var seen = fails ? Broken(given.Seen, random) : given.Seen;
                    var judgement = fails ? Judge.Of(given with { Seen = seen }) : clear;
                    var outcome = run.On(new CheckEvaluation(seen, judgement, null, 0).ToEvent(new CheckRunDecision.StartAttempt("1", look), open, false, seen.At), s_rules);
                    var changes = FindingChanges.Between(open, outcome.Confirmed, judgement.Unseen);
                    wrong.AddRange(changes
                        .Where(change => change.Change is Change.Opened or Change.Escalated && !(truth.TryGetValue(Key(change.Finding), out var worst) && change.Finding.Severity <= worst))
                        .Select(change => $"{given.Seen.Domain}, round {round}, look {look}: {change.Change} {change.Finding.Severity} {Key(change.Finding)} {change.Finding.Evidence}"));
                    open = After(open, changes);
                    run = outcome.State;
                }
                while (run.IsOpen);

                var told = open.Select(o => Key(o.Finding)).ToHashSet();
                wrong.AddRange(truth.Keys.Where(key => !told.Contains(key)).Select(key => $"{given.Seen.Domain}, round {round}: {key} is not told after {look} looks"));
            }
        }

        Assert.Equal("", string.Join(Environment.NewLine, wrong.Take(20)));
        Assert.True((CheckRunState.MaxAttempts - 1) * BetweenLooks <= Told);
        Assert.InRange(failures, cases.Count * Rounds * Failing / 2, cases.Count * Rounds * Failing * CheckRunState.MaxAttempts);
    }

    // The whole catalogue, as the app's own eyes see it.
    private static async Task<IReadOnlyList<Case>> SeenAsync()
    {
        await using var lab = await Lab.StartAsync([.. LabDomains.All]);
        var cases = new List<Case>();
        foreach (var domain in LabDomains.All)
        {
            lab.Internet.SetPolicyId(domain.Name, Id);
            var seen = await lab.Observer().LookAsync(DomainName.Parse(domain.Name), "1", Now);
            var policy = Encoding.UTF8.GetBytes(domain.Policy);
            cases.Add(new Case(seen, Policy.Parse(policy), new Hosted(Id, seen.At.AddDays(-2), seen.At.AddDays(-2), policy), OurPlaces.Unknown));
        }

        return cases;
    }

    // A look that fails: each part of it by the toss of a coin, at least one, each in a way of its own.
    private static Observation Broken(Observation seen, Random random)
    {
        var broken = seen;
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
                    Looks = [.. host.Looks.Select(look => Toss() ? look with { Session = Session(look.Session) } : look)],
                })],
            };
        }
        while (ReferenceEquals(broken, seen));

        // Where DNS does not tell the MX hosts, none is looked at.
        return broken.Mx.IsKnown ? broken : broken with { MxHosts = [], Port25 = Port25.NotAsked };

        bool Toss() => random.Next(4) == 0;

        DnsAnswer Answer(DnsAnswer answer) => answer.Outcome == DnsOutcome.NotAsked || !Toss()
            ? answer
            : new DnsAnswer(answer.Name, random.Next(2) == 0 ? DnsOutcome.Failed : DnsOutcome.TimedOut, [], Detail: "SERVFAIL");

        PolicyFetch Fetch(PolicyFetch fetch) => random.Next(4) switch
        {
            0 => new PolicyFetch(fetch.Url, PolicyFetchOutcome.TimedOut, Detail: "no whole answer in 60 s"),
            1 => new PolicyFetch(fetch.Url, PolicyFetchOutcome.NotReached, Detail: "refused"),
            2 => new PolicyFetch(fetch.Url, PolicyFetchOutcome.BrokenOff, Detail: "reset"),
            _ => new PolicyFetch(fetch.Url, PolicyFetchOutcome.OtherStatus, Status: 503),
        };

        SmtpSession Session(SmtpSession session) => new(
            session.Address,
            s_failures[random.Next(s_failures.Length)],
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
