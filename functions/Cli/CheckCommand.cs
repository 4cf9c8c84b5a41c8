using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Text;
using StsFunctions.CheckDomain;
using StsFunctions.CheckDomain.Rules;
using StsFunctions.Domains;
using StsFunctions.Hosting;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CommandLine;

/// <summary>Where the policy is from that a domain is judged by.</summary>
internal enum PolicySource
{
    /// <summary>There is none that senders could get: judged as mode none.</summary>
    None,

    /// <summary>The policy host.</summary>
    Fetched,

    /// <summary>A file, not published yet.</summary>
    File,
}

/// <summary>What <c>check --json</c> shows.</summary>
/// <param name="Domain">The policy domain.</param>
/// <param name="At">When the look began.</param>
/// <param name="Blind">Why nothing can be said of the mail servers, or of anything; null where everything was looked at.</param>
/// <param name="PolicySource">Where the policy is from that was judged by.</param>
/// <param name="Policy">That policy, as a file; null for none.</param>
/// <param name="Findings">What is wrong, the worst first.</param>
/// <param name="Observation">All that was seen.</param>
/// <param name="NotEvaluated">The rules that failed themselves, with what they threw; null where none did.</param>
internal sealed record CheckedJson(
    string Domain, DateTimeOffset At, string? Blind, PolicySource PolicySource, string? Policy, IReadOnlyList<Finding> Findings, Observation Observation,
    IReadOnlyList<string>? NotEvaluated = null);

/// <summary><c>check</c>: one look at any domain, and what there is to say of it. The same eyes and rules as the app's; it needs no storage.</summary>
internal static class CheckCommand
{
    // Exit codes, as scripts have them of old: all well; something is wrong; no answer.
    private const int NothingWrong = 0;
    private const int Wrong = 1;
    private const int CouldNotLook = 2;

    private static readonly Policy NoPolicy = new() { Mode = PolicyMode.None, MaxAge = 0 };

    public static Command Create()
    {
        var domain = new Argument<string>("domain") { Description = "The policy domain, such as example.com" };
        var policy = new Option<FileInfo?>("--policy") { Description = "Judge by this policy file, before it is published, instead of the one that is served" };
        var dnsServer = new Option<IPEndPoint?>("--dns-server") { Description = "The DNS resolver to ask: an address, and a port where it is not 53", CustomParser = ReadEndPoint };
        var smtpPort = new Option<int?>("--smtp-port") { Description = "The port of the mail servers where it is not 25, as in a lab" };
        smtpPort.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > IPEndPoint.MaxPort)
            {
                result.AddError($"--smtp-port: write a number from 1 to {IPEndPoint.MaxPort}.");
            }
        });
        var json = new Option<bool>("--json") { Description = "Write JSON, for machines: all that was seen, and the findings" };
        var check = new Command("check", "Look at a domain as a sending mail server does, and say what is wrong: exit code 0 for nothing, 1 for findings of warning or worse, 2 where no look was possible")
        {
            domain, policy, dnsServer, smtpPort, json,
        };
        check.SetAction((parsed, cancellation) => RunAsync(() => CheckAsync(
            parsed.GetValue(domain)!, parsed.GetValue(policy), parsed.GetValue(dnsServer), parsed.GetValue(smtpPort), parsed.GetValue(json), cancellation)));
        return check;
    }

    /// <summary>Runs a check. Whatever it throws is one line and exit code 2: 1 would say that there are findings.</summary>
    internal static async Task<int> RunAsync(Func<Task<int>> check)
    {
        try
        {
            return await check();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"The check failed: {FailureIsolation.Describe(e)}");
            return CouldNotLook;
        }
    }

    private static async Task<int> CheckAsync(string name, FileInfo? file, IPEndPoint? dnsServer, int? smtpPort, bool json, CancellationToken cancellation)
    {
        await using var services = await CommandServices.CreateAsync(services => services
            .AddStsCore()
            .Change<EgressOptions>(egress => egress with { DnsServer = dnsServer ?? egress.DnsServer })
            // The reference MX hosts listen on their own port alone.
            .Change<CheckOptions>(check => smtpPort is { } other && other != check.SmtpPort ? check with { SmtpPort = other, ReferenceMxHosts = [] } : check));
        if (services is null)
        {
            return CouldNotLook;
        }

        if (!DomainName.TryParse(name, out var domain))
        {
            await Console.Error.WriteLineAsync($"\"{PlainText.OneLine(name)}\" is not a domain name; write one such as example.com.");
            return CouldNotLook;
        }

        Policy? planned;
        try
        {
            planned = file is null ? null : await PolicyFiles.ReadAsync(file, cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return CouldNotLook;
        }

        var time = services.GetRequiredService<TimeProvider>();
        Observation seen;
        using (WaitingLine.Show($"Looking at {domain}", time))
        {
            seen = await services.GetRequiredService<Observer>().LookAsync(domain, Keys.Round(time.GetUtcNow()), cancellation);
        }

        var shown = JudgeOf(seen, planned);
        if (json)
        {
            CommandJson.Write(shown, CommandJson.Default.CheckedJson);
        }
        else
        {
            CheckView.Write(shown);
        }

        if (shown.Blind is not null)
        {
            await Console.Error.WriteLineAsync(shown.Blind);
            return CouldNotLook;
        }

        return ExitCodeOf(shown);
    }

    /// <summary>What a check of a domain that could be seen comes to. Where a part of it could not be judged, "nothing is wrong" would be too much to say.</summary>
    internal static int ExitCodeOf(CheckedJson shown) =>
        shown.Findings.Any(finding => finding.Severity >= Severity.Warning) ? Wrong
        : shown.NotEvaluated is not null || shown.Observation.MxHosts.SelectMany(host => host.Sessions).Any(session => session.Outcome == SmtpOutcome.NotObserved) ? CouldNotLook
        : NothingWrong;

    private static CheckedJson JudgeOf(Observation seen, Policy? planned)
    {
        var nobodys = new Case(seen, NoPolicy, Hosted: null, OurPlaces.Unknown);
        var (policy, source) = planned is not null ? (planned, PolicySource.File)
            : PolicyHosts.Parsed(nobodys) is { } served ? (served, PolicySource.Fetched)
            : (NoPolicy, PolicySource.None);
        var judgement = Judge.Of(nobodys with { Policy = policy });
        return new CheckedJson(
            seen.Domain,
            seen.At,
            BlindnessOf(seen),
            source,
            source == PolicySource.None ? null : Encoding.UTF8.GetString(policy.ToBytes()),
            [.. judgement.Findings.OrderByDescending(finding => finding.Severity).ThenBy(finding => finding.Code, StringComparer.Ordinal).ThenBy(finding => finding.Subject, StringComparer.Ordinal)],
            seen,
            judgement.Failed is [] ? null : judgement.Failed);
    }

    private static string? BlindnessOf(Observation seen)
    {
        if (!seen.Mx.IsKnown && !seen.StsRecords.IsKnown && !seen.TlsRptRecords.IsKnown)
        {
            return $"DNS does not answer ({seen.Mx.Outcome}): nothing can be said of {seen.Domain}. Name a resolver with --dns-server.";
        }

        if (seen.Port25 == Port25.Closed)
        {
            return "This network lets nothing out on port 25: no mail server was seen. Run the check where port 25 is open.";
        }

        // Every mail server is behind what this machine has no way to: most often IPv6.
        var sessions = seen.MxHosts.SelectMany(host => host.Sessions).ToList();
        return sessions is not [] && sessions.All(session => session.Outcome is SmtpOutcome.NoRoute or SmtpOutcome.OutOfTime or SmtpOutcome.NotObserved)
            ? $"No mail server was seen: {string.Join(", ", sessions.Select(session => $"{session.Address} ({WhyNot(session)})"))}."
            : null;
    }

    private static string WhyNot(SmtpSession session) => session.Outcome switch
    {
        SmtpOutcome.NoRoute => "no route from here",
        SmtpOutcome.OutOfTime => "no time left",
        _ => $"could not be observed: {session.Detail}",
    };

    private static IPEndPoint? ReadEndPoint(ArgumentResult result)
    {
        const int dnsPort = 53;
        var text = result.Tokens is [var token, ..] ? token.Value : "";
        if (IPEndPoint.TryParse(text, out var endPoint))
        {
            return new IPEndPoint(endPoint.Address, endPoint.Port == 0 ? dnsPort : endPoint.Port);
        }

        result.AddError(string.Create(CultureInfo.InvariantCulture, $"--dns-server: write an IP address, and a port where it is not {dnsPort}, for example 192.0.2.53:{dnsPort}."));
        return null;
    }
}
