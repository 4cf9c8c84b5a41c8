using StsFunctions.Protocol;

namespace StsFunctions.Core.Reports;

/// <summary>
/// The domains whose signed reports the operator trusts: one of them alone can make a finding critical. Each must be a domain at which only
/// the sender itself can send mail: every user of a mailbox at outlook.com sends mail that outlook.com signs.
/// </summary>
/// <param name="Domains">Set by <c>Sts__TrustedReportSigners</c>.</param>
internal sealed record TrustedReportSigners(IReadOnlyList<DomainName> Domains)
{
    /// <summary>The two largest senders of reports: what they sign with is their own staff's and machines'.</summary>
    public static TrustedReportSigners Default { get; } = new([DomainName.Parse("google.com"), DomainName.Parse("microsoft.com")]);

    /// <summary>Whether a signing domain is one of them, or lies under one.</summary>
    public bool Contains(string signer) => Domains.Any(domain => signer == domain.Value || signer.EndsWith("." + domain.Value, StringComparison.Ordinal));
}
