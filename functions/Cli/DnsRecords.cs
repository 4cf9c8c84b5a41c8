using StsFunctions.Core.Hosts;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Cli;

/// <summary>The DNS records that a domain's owner publishes, ready to paste.</summary>
internal static class DnsRecords
{
    /// <summary>The records of a domain.</summary>
    /// <param name="domain">The policy domain.</param>
    /// <param name="policyId">The id of its policy.</param>
    /// <param name="appHost">The app's own host name, which receives reports.</param>
    /// <param name="edgeHosts">The hosts that serve policies in front of the app; none means the app itself.</param>
    /// <param name="mailbox">The address of the mailbox that the app reads, which comes first: a mailed report is signed, and a posted one never counts; null without one.</param>
    public static IReadOnlyList<string> For(DomainName domain, string policyId, string? appHost, IReadOnlyList<string> edgeHosts, string? mailbox = null)
    {
        var host = appHost ?? "<app host: set Sts__AppHost>";
        var name = appHost is null ? host : AppHostOptions.HostOf(appHost) + ".";
        return
        [
            Line($"mta-sts.{domain}.", "CNAME", PolicyTarget()),
            Line($"_smtp._tls.{domain}.", "TXT", $"\"v=TLSRPTv1; rua={(mailbox is null ? "" : $"mailto:{mailbox},")}https://{host}/v1/tlsrpt\""),
            Line($"_mta-sts.{domain}.", "TXT", $"\"{new StsRecord { Id = policyId }}\""),
        ];

        // With several profiles each has its own domains, and only the template knows which.
        string PolicyTarget() => edgeHosts switch
        {
            [] => name,
            [var edge] => edge + ".",
            _ => $"<its own of {string.Join(", ", edgeHosts)}>",
        };

        string Line(string owner, string type, string data) => $"{owner.PadRight("_smtp._tls..".Length + domain.Value.Length)}  {type,-5}  {data}";
    }
}
