using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CommandLine;

/// <summary>The records that a domain's owner publishes, ready to paste.</summary>
internal static class DnsRecords
{
    public static IReadOnlyList<string> For(DomainName domain, string policyId, string? appHost)
    {
        var host = appHost ?? "<app host: set Sts__AppHost>";
        var name = appHost is null ? host : new HostString(appHost).Host + ".";
        return
        [
            Line($"mta-sts.{domain}.", "CNAME", name),
            Line($"_smtp._tls.{domain}.", "TXT", $"\"v=TLSRPTv1; rua=https://{host}/v1/tlsrpt\""),
            Line($"_mta-sts.{domain}.", "TXT", $"\"{new StsRecord { Id = policyId }}\""),
        ];

        string Line(string owner, string type, string data) => $"{owner.PadRight("_smtp._tls..".Length + domain.Value.Length)}  {type,-5}  {data}";
    }
}
