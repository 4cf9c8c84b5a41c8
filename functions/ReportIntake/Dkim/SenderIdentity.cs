using MimeKit;
using StsFunctions.Protocol;

namespace StsFunctions.ReportIntake.Dkim;

/// <summary>The domains that a mail names as its sender: those of each address in From, and each <c>TLS-Report-Submitter</c> (RFC 8460 §5.3) that is a domain.</summary>
internal sealed record SenderIdentity(IReadOnlyList<DomainName> Domains)
{
    // Senders write one of each. Every signature is compared with every name.
    private const int MaxNames = 50;

    public static SenderIdentity Of(MimeMessage mail)
    {
        var domains = new List<DomainName>();
        foreach (var address in mail.From.Mailboxes.Take(MaxNames + 1).Select(mailbox => mailbox.GetAddress(idnEncode: true)))
        {
            if (!DomainName.TryParse(address[(address.LastIndexOf('@') + 1)..], out var domain))
            {
                // An address without a domain cannot have a matching signature.
                return new SenderIdentity([]);
            }

            domains.Add(domain);
        }

        // Without From there is no sender (RFC 5322 §3.6).
        if (domains.Count > 0)
        {
            domains.AddRange(mail.Headers
                .Where(header => header.Field.Equals("TLS-Report-Submitter", StringComparison.OrdinalIgnoreCase))
                .Select(header => DomainOf(header.Value))
                .OfType<DomainName>()
                .Take(MaxNames + 1));
        }

        // No genuine mail has so many.
        return new SenderIdentity(domains.Count > MaxNames ? [] : domains);
    }

    /// <summary>
    /// Whether a signer owns all names: the reporting domain must sign (RFC 8460 §3), so a signature for one of
    /// the names must cover all of them.
    /// </summary>
    public bool AreAllOf(DomainName signer) => Domains.Count > 0 && Domains.All(domain => IsOfOne(signer, domain));

    /// <summary>Does the same for a report in the mail: its organization-name counts if it is a domain; most are company names.</summary>
    public bool AreAllOf(DomainName signer, string? organizationName) =>
        AreAllOf(signer) && (DomainOf(organizationName) is not { } organization || IsOfOne(signer, organization));

    // The default DMARC alignment (RFC 7489 §3.1.1), without a public suffix list: none of its names sends reports.
    private static bool IsOfOne(DomainName one, DomainName other) => one == other || IsUnder(one, other) || IsUnder(other, one);

    private static bool IsUnder(DomainName name, DomainName parent) =>
        parent.Value.Contains('.', StringComparison.Ordinal) && name.Value.EndsWith("." + parent.Value, StringComparison.Ordinal);

    private static DomainName? DomainOf(string? text) =>
        DomainName.TryParse(text?.Trim(), out var name) && name.Value.Contains('.', StringComparison.Ordinal) ? name : null;
}
