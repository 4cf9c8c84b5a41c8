using System.Net;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.SendWarning;

/// <summary>The subject of a warning mail: our own words, the domain, and what a finding is of where that is no stranger's text.</summary>
internal static class MailSubject
{
    /// <summary>A finding's code, and its subject where it may stand in a mail's subject.</summary>
    public static string NameOf(Finding finding) => MayShow(finding) ? $"{finding.Code} {finding.Subject}" : finding.Code;

    // Of reports only what the registry has: even a domain that signs is a name of somebody's choice. Of checks a host or an address of the domain's own DNS.
    private static bool MayShow(Finding finding) => FindingScope.Reports.Owns(finding.Code)
        ? ResultTypes.IsRegistered(finding.Subject)
        : (DomainName.TryParse(finding.Subject, out var name) && name.Value == finding.Subject) || IPAddress.TryParse(finding.Subject, out _);
}
