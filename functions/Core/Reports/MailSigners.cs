using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.Reports;

/// <summary>What a mail's DKIM signatures came to.</summary>
/// <param name="Names">Whom the mail says it is from.</param>
/// <param name="IsSigned">It has a signature, valid or not.</param>
/// <param name="Valid">Whose signatures are valid.</param>
/// <param name="Untold">Whose signatures could not be checked, since DNS did not tell the key.</param>
/// <param name="FoundByReceiver">Whose signatures the receiving Exchange Online found valid.</param>
/// <param name="Reasons">Why the others are not.</param>
internal sealed record MailSigners(
    MailNames Names,
    bool IsSigned,
    IReadOnlyList<DomainName> Valid,
    IReadOnlyList<DomainName> Untold,
    IReadOnlyList<DomainName> FoundByReceiver,
    IReadOnlyList<string> Reasons)
{
    /// <summary>The same, where some signatures are known to have been valid when the mail arrived.</summary>
    public MailSigners Knowing(IReadOnlyList<DomainName> valid) => this with { Valid = [.. Valid.Union(valid)] };

    /// <summary>A verdict on one of the mail's reports, and the domain whose signature it rests on.</summary>
    /// <param name="organizationName">The report's.</param>
    public (Verdict Verdict, string SignedBy) VerdictOn(string? organizationName)
    {
        if (Valid.FirstOrDefault(signer => Names.AreAllOf(signer, organizationName)) is { } own)
        {
            return (Verdict.Aligned, own.Value);
        }

        if (FoundByReceiver.FirstOrDefault(signer => Names.AreAllOf(signer, organizationName)) is { } found)
        {
            return (Verdict.PassByReceiver, found.Value);
        }

        return (Valid, Untold) switch
        {
            ([var signer, ..], _) => (Verdict.Signed, signer.Value),
            (_, not []) => (Verdict.TemporaryError, ""),
            _ => (IsSigned ? Verdict.Fail : Verdict.Unverified, ""),
        };
    }

    /// <summary>Whether the verdict could be a better one once DNS answers.</summary>
    public bool IsOpenOn(string? organizationName) => VerdictOn(organizationName).Verdict switch
    {
        Verdict.Aligned or Verdict.PassByReceiver => false,
        Verdict.Signed => Untold.Any(signer => Names.AreAllOf(signer, organizationName)),
        _ => Untold.Count > 0,
    };
}
