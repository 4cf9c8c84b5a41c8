using StsFunctions.Core.Text;

namespace StsFunctions.Core.Reports;

/// <summary>The domain that signed a report (<see cref="Report.SignedBy"/>): the sender's identity, independent of its organization-name.</summary>
internal static class SigningDomain
{
    /// <summary>The most sessions of one signer that count per day: no hosted domain has as many, and one signer cannot overflow a sum.</summary>
    public const long MaxDailySessions = 1_000_000_000;

    /// <summary>
    /// The organizational domain, which decides whether two signers are independent: the last two labels. The owner of a zone can sign under any number of its
    /// names. There is no public suffix list here: names under one suffix, such as co.uk, count as one domain, which is the careful choice.
    /// </summary>
    public static string OrganizationalDomainOf(string signer)
    {
        var last = signer.LastIndexOf('.');
        var before = last > 0 ? signer.LastIndexOf('.', last - 1) : -1;
        return signer[(before + 1)..];
    }

    /// <summary>A signer as texts show it: its domain, then its organization name in quotes.</summary>
    public static string Describe(string signer, string organizationName)
    {
        var domain = signer.Length > 0 ? signer : "(not signed)";
        return organizationName.Length == 0 || organizationName == signer ? domain : $"{domain} {TextSanitizer.Quoted(organizationName)}";
    }
}
