using MimeKit;
using StsFunctions.Protocol;

namespace StsFunctions.Reports;

/// <summary>The domains that a mail says it is from: of each address in From, and of each <c>TLS-Report-Submitter</c> (RFC 8460 §5.3) that is a domain.</summary>
internal sealed record MailNames(IReadOnlyList<DomainName> Domains)
{
    // Senders write one of each. Every signature is compared with every name.
    private const int MaxNames = 50;

    public static MailNames Of(MimeMessage mail)
    {
        var domains = new List<DomainName>();
        foreach (var address in mail.From.Mailboxes.Take(MaxNames + 1).Select(mailbox => mailbox.GetAddress(idnEncode: true)))
        {
            if (!DomainName.TryParse(address[(address.LastIndexOf('@') + 1)..], out var domain))
            {
                // An address without a domain is nobody's whose signature could be looked at.
                return new MailNames([]);
            }

            domains.Add(domain);
        }

        // Without From there is no sender, whatever else is said (RFC 5322 §3.6).
        if (domains.Count > 0)
        {
            domains.AddRange(mail.Headers
                .Where(header => header.Field.Equals("TLS-Report-Submitter", StringComparison.OrdinalIgnoreCase))
                .Select(header => DomainOf(header.Value))
                .OfType<DomainName>()
                .Take(MaxNames + 1));
        }

        // Nobody signs for so many.
        return new MailNames(domains.Count > MaxNames ? [] : domains);
    }

    /// <summary>
    /// Whether all names are a signer's own: the reporting domain must sign (RFC 8460 §3), so whoever signs for one of
    /// the names must own all of them.
    /// </summary>
    public bool AreAllOf(DomainName signer) => Domains.Count > 0 && Domains.All(domain => IsOfOne(signer, domain));

    /// <summary>The same, for a report in the mail: its organization-name counts where it is a domain; most are a company's.</summary>
    public bool AreAllOf(DomainName signer, string? organizationName) =>
        AreAllOf(signer) && (DomainOf(organizationName) is not { } organization || IsOfOne(signer, organization));

    // As DMARC aligns by default (RFC 7489 §3.1.1), without a list of registries' names: none of these is a sender of reports.
    private static bool IsOfOne(DomainName one, DomainName other) => one == other || IsUnder(one, other) || IsUnder(other, one);

    private static bool IsUnder(DomainName name, DomainName parent) =>
        parent.Value.Contains('.', StringComparison.Ordinal) && name.Value.EndsWith("." + parent.Value, StringComparison.Ordinal);

    private static DomainName? DomainOf(string? text) =>
        DomainName.TryParse(text?.Trim(), out var name) && name.Value.Contains('.', StringComparison.Ordinal) ? name : null;
}
