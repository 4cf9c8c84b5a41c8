using StsFunctions.Core.Reports;
using StsFunctions.Protocol;

namespace StsFunctions.ReportIntake.Dkim;

/// <summary>The result of verifying a mail's DKIM signatures.</summary>
/// <param name="Names">The senders that the mail names.</param>
/// <param name="IsSigned">Whether it has a signature, valid or not.</param>
/// <param name="Valid">The signers with a valid signature.</param>
/// <param name="Unavailable">The signers whose signature could not be verified, since DNS did not return the key.</param>
/// <param name="FoundByReceiver">The signers whose signature the receiving Exchange Online found valid.</param>
/// <param name="Reasons">Why the other signatures are not valid.</param>
internal sealed record DkimResults(
    SenderIdentity Names,
    bool IsSigned,
    IReadOnlyList<DomainName> Valid,
    IReadOnlyList<DomainName> Unavailable,
    IReadOnlyList<DomainName> FoundByReceiver,
    IReadOnlyList<string> Reasons)
{
    /// <summary>The results with signers whose signature was valid when the mail arrived.</summary>
    public DkimResults Knowing(IReadOnlyList<DomainName> valid) => this with { Valid = [.. Valid.Union(valid)] };

    /// <summary>The verdict on one of the mail's reports, and the domain of the signature that it is based on.</summary>
    /// <param name="organizationName">The report's organization-name.</param>
    public (AuthenticationResult Verdict, string SignedBy) ResultFor(string? organizationName)
    {
        if (Valid.FirstOrDefault(signer => Names.AreAllOf(signer, organizationName)) is { } own)
        {
            return (AuthenticationResult.Aligned, own.Value);
        }

        if (FoundByReceiver.FirstOrDefault(signer => Names.AreAllOf(signer, organizationName)) is { } found)
        {
            return (AuthenticationResult.PassByReceiver, found.Value);
        }

        return (Valid, Unavailable) switch
        {
            ([var signer, ..], _) => (AuthenticationResult.Signed, signer.Value),
            (_, not []) => (AuthenticationResult.TemporaryError, ""),
            _ => (IsSigned ? AuthenticationResult.Fail : AuthenticationResult.Unverified, ""),
        };
    }

    /// <summary>Whether the verdict could improve once DNS answers.</summary>
    public bool IsUnresolvedFor(string? organizationName) => ResultFor(organizationName).Verdict switch
    {
        AuthenticationResult.Aligned or AuthenticationResult.PassByReceiver => false,
        AuthenticationResult.Signed => Unavailable.Any(signer => Names.AreAllOf(signer, organizationName)),
        _ => Unavailable.Count > 0,
    };
}
