using MimeKit;
using StsFunctions.Domains;
using StsFunctions.Options;
using StsFunctions.Protocol;

namespace StsFunctions.Reports;

/// <summary>By which ways reports arrive, and which of them count.</summary>
internal sealed record ReportIntakeOptions
{
    // As many as 128 bits have in base32, and more than anybody types by hand.
    private const int MinMailSecret = 26;

    /// <summary>Which reports count. By default mail that is signed by the sender's own domain.</summary>
    public ReportTrust Trust { get; init; } = ReportTrust.Default;

    /// <summary>Whose signed reports are those of known senders. By default google.com and microsoft.com.</summary>
    public TrustedReportSigners TrustedSigners { get; init; } = TrustedReportSigners.Default;

    /// <summary>How many POSTs one instance of the app takes in a minute, in all. 1 to 100,000; by default 300.</summary>
    public int PostsPerMinute { get; init; } = 300;

    /// <summary>How many reports on one policy domain are taken by POST within a day, in UTC, whichever instance they come to. 1 to 1,000,000; by default 500.</summary>
    public int PostsPerDomainAndDay { get; init; } = 500;

    /// <summary>
    /// How many reports of one signer are taken by mail and as files within a day, in UTC; of those that nobody signed, how many on one policy domain. What is beyond it
    /// goes to quarantine. <see cref="TrustedSigners"/> are not counted: each sends a report a day on every hosted domain. 1 to 1,000,000; by default 1,000.
    /// </summary>
    public int ReportsPerSignerAndDay { get; init; } = 1_000;

    /// <summary>What a mail provider shows that posts mail, of at least 26 visible ASCII characters; by default null, and no mail is taken by POST.</summary>
    public string? MailSecret { get; init; }

    /// <summary>The mailbox to read; by default null, and none is.</summary>
    public MailboxOptions? Mailbox { get; init; }

    /// <summary>Binds the options to their settings.</summary>
    public static ReportIntakeOptions Bind(SettingsBinder settings)
    {
        var defaults = new ReportIntakeOptions();
        var mailbox = settings.Parsed("Sts__ReportMailbox", ParseMailbox, "write the mailbox's address alone, for example tlsrpt@example.com, or its user's id");
        var graph = settings.LoopbackAddress("Sts__Lab__Graph", "a stand-in for Microsoft Graph");
        return new()
        {
            Trust = settings.Choice("Sts__ReportTrust", "aligned", "signed", "any") switch
            {
                "signed" => new ReportTrust(TrustLevel.Signed),
                "any" => new ReportTrust(TrustLevel.Any),
                _ => defaults.Trust,
            },
            TrustedSigners = settings.Parsed(
                "Sts__TrustedReportSigners",
                ParseSigners,
                "write the domains that sign reports of senders you know, separated by commas, for example google.com,microsoft.com, or none") ?? defaults.TrustedSigners,
            PostsPerMinute = settings.Number("Sts__PostsPerMinute", defaults.PostsPerMinute, least: 1, most: 100_000),
            PostsPerDomainAndDay = settings.Number("Sts__PostsPerDomainAndDay", defaults.PostsPerDomainAndDay, least: 1, most: 1_000_000),
            ReportsPerSignerAndDay = settings.Number("Sts__ReportsPerSignerAndDay", defaults.ReportsPerSignerAndDay, least: 1, most: 1_000_000),
            MailSecret = settings.Parsed(
                "Sts__MailSecret",
                text => text.Length >= MinMailSecret && text.All(c => c is > ' ' and <= '~') ? text : null,
                $"write at least {MinMailSecret} visible ASCII characters that nobody guesses, as `openssl rand -hex 32` prints them",
                isSecret: true),
            Mailbox = mailbox is null ? null : new MailboxOptions { Address = mailbox, Graph = graph ?? MailboxOptions.PublicGraph },
        };
    }

    private static TrustedReportSigners? ParseSigners(string text)
    {
        if (text == "none")
        {
            return new TrustedReportSigners([]);
        }

        var names = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        // A name without a dot would be a registry's, and everybody's under it.
        var domains = names.Select(name => DomainName.TryParse(name, out var domain) && domain.Value.Contains('.', StringComparison.Ordinal) ? domain : null).OfType<DomainName>().ToList();
        return domains is [] || domains.Count < names.Length ? null : new TrustedReportSigners(domains);
    }

    private static string? ParseMailbox(string text) =>
        SettingsBinder.ParseGuid(text)
        ?? (MailboxAddress.TryParse(text, out var mailbox) && mailbox.Address == text && text.Contains('@', StringComparison.Ordinal) ? text : null);
}
