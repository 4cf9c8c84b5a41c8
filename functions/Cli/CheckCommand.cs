using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Text;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Core.Text;
using StsFunctions.Core.Time;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.UseCases.Hosting;

namespace StsFunctions.Cli;

/// <summary>The source of the policy that a domain is evaluated with.</summary>
internal enum PolicySource
{
    /// <summary>Senders get no policy: evaluated as mode none.</summary>
    None,

    /// <summary>The policy host.</summary>
    Fetched,

    /// <summary>A file that is not published yet.</summary>
    File,
}

/// <summary>The output of <c>check --json</c>.</summary>
/// <param name="Domain">The policy domain.</param>
/// <param name="At">When the check started.</param>
/// <param name="Incomplete">Why the mail servers, or the whole domain, could not be observed; null if everything was observed.</param>
/// <param name="PolicySource">The source of the evaluated policy.</param>
/// <param name="Policy">That policy, as a file; null for none.</param>
/// <param name="Findings">The findings, the worst first.</param>
/// <param name="Observation">The whole observation.</param>
/// <param name="NotEvaluated">The rules that failed, with their exceptions; null if there are none.</param>
internal sealed record CheckedJson(
    string Domain, DateTimeOffset At, string? Incomplete, PolicySource PolicySource, string? Policy, IReadOnlyList<Finding> Findings, Observation Observation,
    IReadOnlyList<string>? NotEvaluated = null);

/// <summary><c>check</c>: checks any domain once and shows the result. It uses the app's probes and rules, and needs no storage.</summary>
internal static class CheckCommand
{
    // Exit codes, as scripts know them: no findings; findings; no answer.
    private const int NoFindings = 0;
    private const int FindingsExitCode = 1;
    private const int CheckFailed = 2;

    private static readonly Policy NoPolicy = new() { Mode = PolicyMode.None, MaxAge = 0 };

    public static Command Create()
    {
        var domain = new Argument<string>("domain") { Description = "The policy domain, such as example.com" };
        var policy = new Option<FileInfo?>("--policy") { Description = "Evaluate this policy file, before it is published, instead of the one that is served" };
        var dnsServer = new Option<IPEndPoint?>("--dns-server") { Description = "The DNS resolver to ask: an address, and a port where it is not 53", CustomParser = ReadEndPoint };
        var smtpPort = new Option<int?>("--smtp-port") { Description = "The port of the mail servers where it is not 25, as in a lab" };
        smtpPort.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > IPEndPoint.MaxPort)
            {
                result.AddError($"--smtp-port: write a number from 1 to {IPEndPoint.MaxPort}.");
            }
        });
        var json = new Option<bool>("--json") { Description = "Write JSON, for machines: the observation and the findings" };
        var check = new Command("check", "Check a domain as a sending mail server does, and report what is wrong: exit code 0 for nothing, 1 for findings of warning or worse, 2 if the check was not possible")
        {
            domain, policy, dnsServer, smtpPort, json,
        };
        check.SetAction((parsed, cancellationToken) => RunAsync(() => CheckAsync(
            parsed.GetValue(domain)!, parsed.GetValue(policy), parsed.GetValue(dnsServer), parsed.GetValue(smtpPort), parsed.GetValue(json), cancellationToken)));
        return check;
    }

    /// <summary>Runs a check. Any exception becomes one line and exit code 2: 1 would mean that there are findings.</summary>
    internal static async Task<int> RunAsync(Func<Task<int>> check)
    {
        try
        {
            return await check();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"The check failed: {FailureIsolation.Describe(e)}");
            return CheckFailed;
        }
    }

    private static async Task<int> CheckAsync(string name, FileInfo? file, IPEndPoint? dnsServer, int? smtpPort, bool json, CancellationToken cancellationToken)
    {
        await using var services = await CommandServices.CreateAsync(services => services
            .AddStsCore()
            .Change<EgressOptions>(egress => egress with { DnsServer = dnsServer ?? egress.DnsServer })
            // The reference MX hosts listen on their own port only.
            .Change<CheckOptions>(check => smtpPort is { } other && other != check.SmtpPort ? check with { SmtpPort = other, ReferenceMxHosts = [] } : check));
        if (services is null)
        {
            return CheckFailed;
        }

        if (!DomainName.TryParse(name, out var domain))
        {
            await Console.Error.WriteLineAsync($"\"{TextSanitizer.ToSingleLine(name)}\" is not a domain name; write one such as example.com.");
            return CheckFailed;
        }

        Policy? planned;
        try
        {
            planned = file is null ? null : await PolicyFiles.ReadAsync(file, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return CheckFailed;
        }

        var time = services.GetRequiredService<TimeProvider>();
        Observation observation;
        using (StatusLine.Show($"Checking {domain}", time))
        {
            observation = await services.GetRequiredService<Observer>().ObserveAsync(domain, CheckRunId.Of(time.GetUtcNow()), cancellationToken);
        }

        var shown = Evaluate(observation, planned);
        if (json)
        {
            CommandJson.Write(shown, CommandJson.Default.CheckedJson);
        }
        else
        {
            CheckView.Write(shown);
        }

        if (shown.Incomplete is not null)
        {
            await Console.Error.WriteLineAsync(shown.Incomplete);
            return CheckFailed;
        }

        return ExitCodeOf(shown);
    }

    /// <summary>The exit code for a domain that could be observed. If a part could not be evaluated, it does not report that nothing is wrong.</summary>
    internal static int ExitCodeOf(CheckedJson shown) =>
        shown.Findings.Any(finding => finding.Severity >= Severity.Warning) ? FindingsExitCode
        : shown.NotEvaluated is not null || shown.Observation.MxHosts.SelectMany(host => host.Sessions).Any(session => session.Outcome == SmtpOutcome.NotObserved) ? CheckFailed
        : NoFindings;

    private static CheckedJson Evaluate(Observation observation, Policy? planned)
    {
        var nobodys = new RuleContext(observation, NoPolicy, HostedDomain: null, ExpectedTargets.Unknown);
        var (policy, source) = planned is not null ? (planned, PolicySource.File)
            : PolicyHosts.Parsed(nobodys) is { } served ? (served, PolicySource.Fetched)
            : (NoPolicy, PolicySource.None);
        var results = RuleEngine.Evaluate(nobodys with { Policy = policy });
        return new CheckedJson(
            observation.Domain,
            observation.At,
            IncompletenessOf(observation),
            source,
            source == PolicySource.None ? null : Encoding.UTF8.GetString(policy.ToBytes()),
            [.. results.Findings.OrderByDescending(finding => finding.Severity).ThenBy(finding => finding.Code, StringComparer.Ordinal).ThenBy(finding => finding.Subject, StringComparer.Ordinal)],
            observation,
            results.Failed is [] ? null : results.Failed);
    }

    private static string? IncompletenessOf(Observation observation)
    {
        if (!observation.Mx.IsKnown && !observation.StsRecords.IsKnown && !observation.TlsRptRecords.IsKnown)
        {
            return $"DNS does not answer ({observation.Mx.Outcome}): nothing can be said of {observation.Domain}. Name a resolver with --dns-server.";
        }

        if (observation.OutboundSmtp == OutboundSmtp.Blocked)
        {
            return "This network blocks outbound connections on port 25: no mail server was observed. Run the check where port 25 is open.";
        }

        // This machine has no route to any of the mail servers, most often because it has no IPv6.
        var sessions = observation.MxHosts.SelectMany(host => host.Sessions).ToList();
        return sessions is not [] && sessions.All(session => session.Outcome is SmtpOutcome.NoRoute or SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved)
            ? $"No mail server was observed: {string.Join(", ", sessions.Select(session => $"{session.Address} ({WhyNot(session)})"))}."
            : null;
    }

    private static string WhyNot(SmtpSession session) => session.Outcome switch
    {
        SmtpOutcome.NoRoute => "no route from here",
        SmtpOutcome.DeadlineExceeded => "no time left",
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
