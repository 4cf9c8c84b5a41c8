using System.Globalization;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Cli;

/// <summary>Writes a check for a person: the DNS records, what each mail server sent, and what is wrong.</summary>
internal static class CheckView
{
    public static void Write(CheckedJson shown)
    {
        var observation = shown.Observation;
        SafeConsole.WriteLine($"{shown.Domain}, {Tables.Minute(shown.At)} UTC");
        SafeConsole.WriteLine($"evaluated against {PolicyOf(shown)}");
        WriteRecords(observation);
        WriteServers(observation);
        foreach (var finding in shown.Findings)
        {
            SafeConsole.WriteLine($"{finding.Severity.ToString().ToUpperInvariant()}  {finding.Code}  {finding.Subject}");
            SafeConsole.WriteLine($"  observed {finding.Evidence}");
            SafeConsole.WriteLine($"  meaning  {finding.Meaning}");
            SafeConsole.WriteLine($"  remedy   {finding.Remedy}");
            SafeConsole.WriteLine($"  see      {finding.Rfc}");
            SafeConsole.WriteLine();
        }

        if (observation.DeadlineExceeded)
        {
            SafeConsole.WriteLine("The time limit of the check was reached before everything was observed.");
        }

        foreach (var rule in shown.NotEvaluated ?? [])
        {
            SafeConsole.WriteLine($"Could not be evaluated: {rule}");
        }

        SafeConsole.WriteLine(shown.Findings is []
            ? shown.NotEvaluated is null ? "Nothing is wrong." : "Nothing is wrong in what could be evaluated."
            : string.Join(", ", shown.Findings.GroupBy(finding => finding.Severity).Select(same => $"{same.Count().ToString(CultureInfo.InvariantCulture)} {same.Key.ToString().ToLowerInvariant()}")));
    }

    private static string PolicyOf(CheckedJson shown) => shown.PolicySource switch
    {
        PolicySource.File => $"the policy file, {Words(shown)}",
        PolicySource.Fetched => $"the policy that is served, {Words(shown)}",
        _ => "mode none, since senders get no policy",
    };

    private static string Words(CheckedJson shown)
    {
        var policy = Policy.Parse(System.Text.Encoding.UTF8.GetBytes(shown.Policy!));
        return $"mode {policy.Mode.ToToken()}, mx {(policy.Mx.IsEmpty ? "none" : string.Join(' ', policy.Mx))}, max_age {policy.MaxAge.ToString(CultureInfo.InvariantCulture)} s";
    }

    private static void WriteRecords(Observation observation)
    {
        var host = observation.PolicyHost;
        var table = Tables.Of("record", "name", "what is there");
        table.AddCells("MX", observation.Mx.Name, Words(observation.Mx));
        table.AddCells("TXT", observation.StsRecords.Name, Words(observation.StsRecords));
        table.AddCells("TXT", observation.TlsRptRecords.Name, Words(observation.TlsRptRecords));
        table.AddCells("TXT", observation.Dmarc.Name, Words(observation.Dmarc));
        table.AddCells("A", host.A.Name, Words(host.A));
        table.AddCells("AAAA", host.Aaaa.Name, Words(host.Aaaa));
        table.AddCells("CAA", host.Caa.Name, Words(host.Caa));
        foreach (var mx in observation.MxHosts.Where(mx => mx.Tlsa.Outcome != DnsOutcome.NotAsked))
        {
            table.AddCells("TLSA", mx.Tlsa.Name, Words(mx.Tlsa));
        }

        Tables.Write(table);
        if (host.Fetch is { } fetch)
        {
            SafeConsole.WriteLine($"{fetch.Url}  {(fetch.Status is { } status ? $"{status.ToString(CultureInfo.InvariantCulture)}  {fetch.ContentType ?? "no media type"}" : $"{fetch.Outcome}: {fetch.Detail}")}{Until(fetch.Tls)}");
        }
    }

    private static void WriteServers(Observation observation)
    {
        var table = Tables.Of("MX host", "address", "session", "TLS", "certificate until", "trusted");
        foreach (var host in observation.MxHosts)
        {
            if (host.Probes is [])
            {
                table.AddCells(host.Host, "-", $"A {host.A.Outcome}, AAAA {host.Aaaa.Outcome}", "-", "-", "-");
            }

            foreach (var session in host.Sessions)
            {
                var leaf = Certificates.Leaf(session.Tls);
                table.AddCells(
                    host.Host,
                    session.Address,
                    session.Outcome == SmtpOutcome.Completed ? "completed" : $"{session.Outcome}{(session.Detail is null ? "" : $": {session.Detail}")}",
                    session.Tls is { Protocol: not "" } tls ? $"{tls.Protocol.Replace("Tls1", "1.", StringComparison.Ordinal)} {tls.CipherSuite}" : "-",
                    Tables.Day(leaf?.NotAfter()),
                    session.Tls is null ? "-" : session.Tls.Trust is [] ? "yes" : "no");
            }
        }

        if (observation.MxHosts is not [])
        {
            Tables.Write(table);
        }

        SafeConsole.WriteLine();
    }

    private static string Words(DnsAnswer answer)
    {
        var path = answer.Aliases is [] ? "" : $"CNAME {string.Join(", ", answer.Aliases)}: ";
        return path + answer.Outcome switch
        {
            DnsOutcome.Found => string.Join(" | ", answer.Records),
            DnsOutcome.Empty => "none",
            DnsOutcome.NxDomain => "no such name",
            DnsOutcome.NotAsked => "not asked",
            _ => $"{answer.Outcome}: {answer.Detail}",
        };
    }

    private static string Until(TlsSession? tls) => Certificates.Leaf(tls) is { } leaf ? $"  certificate until {Tables.Day(leaf.NotAfter())}" : "";
}
