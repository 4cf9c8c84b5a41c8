using MimeKit;
using StsFunctions.Core.Options;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.ReportIntake.Mailbox;

namespace StsFunctions.ReportIntake;

/// <summary>How reports arrive, and which of them count.</summary>
internal sealed record ReportIntakeOptions
{
    // The length of 128 bits in base32, and more than a typed password.
    private const int MinMailSecret = 26;

    /// <summary>Which reports count. By default those in mail signed by the sender's own domain.</summary>
    public ReportAuthenticationPolicy AuthenticationPolicy { get; init; } = ReportAuthenticationPolicy.Default;

    /// <summary>The signers of known senders. By default google.com and microsoft.com.</summary>
    public TrustedReportSigners TrustedSigners { get; init; } = TrustedReportSigners.Default;

    /// <summary>The most POSTs that one app instance accepts per minute. 1 to 100,000; by default 300.</summary>
    public int PostsPerMinute { get; init; } = 300;

    /// <summary>The most posted reports on one policy domain per UTC day, over all instances. 1 to 1,000,000; by default 500.</summary>
    public int PostsPerDomainAndDay { get; init; } = 500;

    /// <summary>
    /// The most reports of one signer by mail and as files per UTC day; of unsigned reports, the most on one policy domain. Further reports
    /// go to quarantine. <see cref="TrustedSigners"/> are not counted: each sends a report per day on every hosted domain. 1 to 1,000,000; by default 1,000.
    /// </summary>
    public int ReportsPerSignerAndDay { get; init; } = 1_000;

    /// <summary>The secret of a mail provider that posts mail, of at least 26 visible ASCII characters; by default null, and no mail is accepted by POST.</summary>
    public string? MailSecret { get; init; }

    /// <summary>The mailbox to read; by default null for none.</summary>
    public MailboxOptions? Mailbox { get; init; }

    /// <summary>Binds the options to their settings.</summary>
    public static ReportIntakeOptions Bind(SettingsBinder settings)
    {
        var defaults = new ReportIntakeOptions();
        var mailbox = settings.Parsed("Sts__ReportMailbox", ParseMailbox, "write the mailbox's address alone, for example tlsrpt@example.com, or its user's id");
        var graph = settings.LoopbackAddress("Sts__Lab__Graph", "an emulator of Microsoft Graph");
        return new()
        {
            AuthenticationPolicy = settings.Choice("Sts__ReportAuthentication", "aligned", "signed", "any") switch
            {
                "signed" => new ReportAuthenticationPolicy(RequiredAuthentication.Signed),
                "any" => new ReportAuthenticationPolicy(RequiredAuthentication.Any),
                _ => defaults.AuthenticationPolicy,
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
                $"write at least {MinMailSecret} random visible ASCII characters, as `openssl rand -hex 32` prints them",
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
        // A name without a dot would be a top-level domain, with everybody's names under it.
        var domains = names.Select(name => DomainName.TryParse(name, out var domain) && domain.Value.Contains('.', StringComparison.Ordinal) ? domain : null).OfType<DomainName>().ToList();
        return domains is [] || domains.Count < names.Length ? null : new TrustedReportSigners(domains);
    }

    private static string? ParseMailbox(string text) =>
        SettingsBinder.ParseGuid(text)
        ?? (MailboxAddress.TryParse(text, out var mailbox) && mailbox.Address == text && text.Contains('@', StringComparison.Ordinal) ? text : null);
}
