using System.CommandLine;
using System.Text;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Text;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.UseCases.Hosting;

namespace StsFunctions.Cli;

/// <summary>The output of <c>policy fetch</c>.</summary>
/// <param name="Url">The requested URL.</param>
/// <param name="Outcome">The result of the fetch.</param>
/// <param name="Status">The HTTP status, if there was one.</param>
/// <param name="ContentType">The media type.</param>
/// <param name="Location">The target of a redirect, which senders do not follow.</param>
/// <param name="Policy">The policy file, if it was fetched.</param>
/// <param name="Fault">Why a sender gets no policy, or null if it gets one.</param>
internal sealed record FetchedJson(Uri Url, PolicyFetchOutcome Outcome, int? Status, string? ContentType, string? Location, string? Policy, string? Fault);

/// <summary><c>policy fetch</c>: shows what a sending mail server gets. It needs no storage.</summary>
internal static class PolicyCommands
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Write JSON, for machines" };
        var domain = new Argument<string>("domain") { Description = "The policy domain, such as example.com" };
        var fetch = new Command("fetch", "Fetch a domain's policy as a sending mail server does") { domain, json };
        fetch.SetAction((parsed, cancellationToken) => FetchAsync(parsed.GetValue(domain)!, parsed.GetValue(json), cancellationToken));
        return new Command("policy", "Fetch policies") { fetch };
    }

    private static async Task<int> FetchAsync(string name, bool json, CancellationToken cancellationToken)
    {
        await using var services = await CommandServices.CreateAsync(services => services.AddStsCore());
        if (services is null)
        {
            return Commands.WrongUse;
        }

        if (!DomainName.TryParse(name, out var domain))
        {
            await Console.Error.WriteLineAsync($"\"{TextSanitizer.ToSingleLine(name)}\" is not a domain name; write one such as example.com.");
            return Commands.WrongUse;
        }

        var shown = Show(await services.GetRequiredService<PolicyFetcher>().FetchAsync(domain, cancellationToken));
        if (json)
        {
            CommandJson.Write(shown, CommandJson.Default.FetchedJson);
        }
        else
        {
            await WriteAsync(shown);
        }

        return shown.Fault is null ? Commands.Ok : Commands.Refused;
    }

    private static FetchedJson Show(PolicyFetch fetch) => new(
        fetch.Url,
        fetch.Outcome,
        fetch.Status,
        fetch.ContentType,
        fetch.Location,
        fetch.Body is null ? null : Encoding.UTF8.GetString(fetch.Body),
        fetch.Body is null ? FaultOf(fetch) : FaultOf(fetch.Body));

    private static string FaultOf(PolicyFetch fetch) => fetch switch
    {
        { Outcome: PolicyFetchOutcome.OtherStatus, Location: { } location } =>
            $"It is answered with a redirect to {location}, which senders do not follow: serve the file itself (RFC 8461 §3.3).",
        { Outcome: PolicyFetchOutcome.OtherStatus } => $"It is answered with status {fetch.Status}: only 200 is a policy (RFC 8461 §3.3).",
        _ => $"{fetch.Outcome}: {fetch.Detail}",
    };

    private static string? FaultOf(byte[] body)
    {
        try
        {
            Policy.Parse(body);
            return null;
        }
        catch (ProtocolException e)
        {
            return e.Message;
        }
    }

    private static async Task WriteAsync(FetchedJson shown)
    {
        SafeConsole.WriteLine(shown.Status is null ? $"{shown.Url}" : $"{shown.Url}  {shown.Status}  {shown.ContentType ?? "no media type"}");
        if (shown.Policy is not null)
        {
            SafeConsole.WriteLine();
            foreach (var line in shown.Policy.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'))
            {
                SafeConsole.WriteLine($"  {line}");
            }
        }

        if (shown.Fault is not null)
        {
            await Console.Error.WriteLineAsync($"No policy for senders. {TextSanitizer.ToSingleLine(shown.Fault)}");
        }
    }
}
