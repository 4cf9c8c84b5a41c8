using StsFunctions.Core.Text;

namespace StsFunctions.Core.Reports;

/// <summary>The domain that signed a report (<see cref="Report.SignedBy"/>): the sender's identity, whatever organization-name it gives itself.</summary>
internal static class SigningDomain
{
    /// <summary>The most sessions of a day that one signer's figures are taken for: no hosted domain has as many, and a sum of many signers stays one of sessions.</summary>
    public const long MaxDailySessions = 1_000_000_000;

    /// <summary>
    /// Whom a signing domain speaks for where two are to be independent of each other: its last two labels. Whoever has a zone signs under as many names of it as they
    /// like. There is no list of registries' names here: those under one, such as co.uk, count as one voice, which is the careful side.
    /// </summary>
    public static string VoiceOf(string signer)
    {
        var last = signer.LastIndexOf('.');
        var before = last > 0 ? signer.LastIndexOf('.', last - 1) : -1;
        return signer[(before + 1)..];
    }

    /// <summary>A signer as texts show it: its domain, and what it calls itself as a quoted addition.</summary>
    public static string Describe(string signer, string organizationName)
    {
        var domain = signer.Length > 0 ? signer : "(not signed)";
        return organizationName.Length == 0 || organizationName == signer ? domain : $"{domain} {TextSanitizer.Quoted(organizationName)}";
    }
}
