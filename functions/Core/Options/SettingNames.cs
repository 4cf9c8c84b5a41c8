using Microsoft.Extensions.Configuration;

namespace StsFunctions.Core.Options;

/// <summary>The settings by name, as operators write them: environment variables, in which <c>__</c> parts sections.</summary>
internal static class SettingNames
{
    /// <summary>The section of the app's own settings.</summary>
    public const string Section = "Sts";

    private const string Delimiter = "__";

    /// <summary>Every setting of the app's own, whichever program reads it: the app and the command line get the same environment. docs/SETTINGS.md says what they do.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "Sts__AppHost",
        "Sts__FrontDoorIds",
        "Sts__EdgeHosts",
        "Sts__CertificateAuthority",
        "Sts__Functions",
        "Sts__CacheTime",
        "Sts__MaxStale",
        "Sts__DnsServer",
        "Sts__DnsValidates",
        "Sts__EhloName",
        "Sts__ReferenceMxHosts",
        "Sts__CheckSpread",
        "Sts__MinRunInterval",
        "Sts__ConfirmationDelay",
        "Sts__NotificationDelay",
        "Sts__ReportEvaluationDelay",
        "Sts__SessionTimeout",
        "Sts__RetryDelay",
        "Sts__PolicyTimeout",
        "Sts__CheckDeadline",
        "Sts__ReportMaxBytes",
        "Sts__ReportMaxExpandedBytes",
        "Sts__ReportMaxRatio",
        "Sts__ReportMaxParts",
        "Sts__ReportMaxDepth",
        "Sts__ReportMemoryBytes",
        "Sts__ReportAuthentication",
        "Sts__TrustedReportSigners",
        "Sts__PostsPerDomainAndDay",
        "Sts__ReportsPerSignerAndDay",
        "Sts__PostsPerMinute",
        "Sts__MailSecret",
        "Sts__ReportMailbox",
        "Sts__RawReportDays",
        "Sts__QuarantineDays",
        "Sts__ReportDays",
        "Sts__ObservationDays",
        "Sts__AuditDays",
        "Sts__PostCountDays",
        "Sts__EmailFrom",
        "Sts__EmailTo",
        "Sts__AcsEndpoint",
        "Sts__AcsKey",
        "Sts__SmtpHost",
        "Sts__SmtpPort",
        "Sts__SmtpUser",
        "Sts__SmtpPassword",
        "Sts__SmtpPlain",
        "Sts__EmailPickupFolder",
        "Sts__EmailsPerHour",
        "Sts__Auth__Tenant",
        "Sts__Auth__Audience",
        "Sts__Auth__GroupClaim",
        "Sts__Lab__SmtpPort",
        "Sts__Lab__TrustedRoots",
        "Sts__Lab__AllowedNetworks",
        "Sts__Lab__HttpsPort",
        "Sts__Lab__Authority",
        "Sts__Lab__Graph",
    ];

    /// <summary>The text of a setting; null where it is not set. An empty one is not set: templates cannot leave a setting away.</summary>
    public static string? Setting(this IConfiguration configuration, string name) =>
        configuration[name.Replace(Delimiter, ConfigurationPath.KeyDelimiter, StringComparison.Ordinal)] is { Length: > 0 } text ? text : null;

    /// <summary>The name of the setting at a path of the configuration.</summary>
    public static string Of(string path) => ToSingleLine(path.Replace(ConfigurationPath.KeyDelimiter, Delimiter, StringComparison.Ordinal));

    /// <summary>A text that may come from anywhere, on one line.</summary>
    public static string ToSingleLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
