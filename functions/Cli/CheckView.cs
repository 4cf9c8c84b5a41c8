using System.Globalization;
using StsFunctions.CheckDomain;
using StsFunctions.CheckDomain.Rules;
using StsFunctions.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CommandLine;

/// <summary>Writes a look at a domain for a person: what is in DNS, what each mail server showed, and what is wrong.</summary>
internal static class CheckView
{
    public static void Write(CheckedJson shown)
    {
        var seen = shown.Observation;
        Terminal.WriteLine($"{shown.Domain}, {Tables.Minute(shown.At)} UTC");
        Terminal.WriteLine($"judged by {PolicyOf(shown)}");
        WriteRecords(seen);
        WriteServers(seen);
        foreach (var finding in shown.Findings)
        {
            Terminal.WriteLine($"{finding.Severity.ToString().ToUpperInvariant()}  {finding.Code}  {finding.Subject}");
            Terminal.WriteLine($"  seen     {finding.Evidence}");
            Terminal.WriteLine($"  meaning  {finding.Meaning}");
            Terminal.WriteLine($"  remedy   {finding.Remedy}");
            Terminal.WriteLine($"  see      {finding.Rfc}");
            Terminal.WriteLine();
        }

        if (seen.OutOfTime)
        {
            Terminal.WriteLine("The time for one check was over before everything was looked at.");
        }

        foreach (var rule in shown.NotEvaluated ?? [])
        {
            Terminal.WriteLine($"Could not be evaluated: {rule}");
        }

        Terminal.WriteLine(shown.Findings is []
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

    private static void WriteRecords(Observation seen)
    {
        var host = seen.PolicyHost;
        var table = Tables.Of("record", "name", "what is there");
        table.AddCells("MX", seen.Mx.Name, Words(seen.Mx));
        table.AddCells("TXT", seen.StsRecords.Name, Words(seen.StsRecords));
        table.AddCells("TXT", seen.TlsRptRecords.Name, Words(seen.TlsRptRecords));
        table.AddCells("TXT", seen.Dmarc.Name, Words(seen.Dmarc));
        table.AddCells("A", host.A.Name, Words(host.A));
        table.AddCells("AAAA", host.Aaaa.Name, Words(host.Aaaa));
        table.AddCells("CAA", host.Caa.Name, Words(host.Caa));
        foreach (var mx in seen.MxHosts.Where(mx => mx.Tlsa.Outcome != DnsOutcome.NotAsked))
        {
            table.AddCells("TLSA", mx.Tlsa.Name, Words(mx.Tlsa));
        }

        Tables.Write(table);
        if (host.Fetch is { } fetch)
        {
            Terminal.WriteLine($"{fetch.Url}  {(fetch.Status is { } status ? $"{status.ToString(CultureInfo.InvariantCulture)}  {fetch.ContentType ?? "no media type"}" : $"{fetch.Outcome}: {fetch.Detail}")}{Until(fetch.Tls)}");
        }
    }

    private static void WriteServers(Observation seen)
    {
        var table = Tables.Of("MX host", "address", "session", "TLS", "certificate until", "trusted");
        foreach (var host in seen.MxHosts)
        {
            if (host.Looks is [])
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

        if (seen.MxHosts is not [])
        {
            Tables.Write(table);
        }

        Terminal.WriteLine();
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
