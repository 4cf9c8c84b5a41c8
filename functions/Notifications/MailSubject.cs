using System.Net;
using StsFunctions.Core.Findings;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Notifications;

/// <summary>The subject of a notification: this app's own words, the domain, and the subject of a finding if it is not text from outside.</summary>
internal static class MailSubject
{
    /// <summary>The code of a finding, and its subject where a mail subject may contain it.</summary>
    public static string NameOf(Finding finding) => MayShow(finding) ? $"{finding.Code} {finding.Subject}" : finding.Code;

    // For reports only a registered result type: a sender chooses even its signing domain freely. For checks a host or an address of the domain's own DNS.
    private static bool MayShow(Finding finding) => FindingSource.Reports.Owns(finding.Code)
        ? ResultTypes.IsRegistered(finding.Subject)
        : (DomainName.TryParse(finding.Subject, out var name) && name.Value == finding.Subject) || IPAddress.TryParse(finding.Subject, out _);
}
