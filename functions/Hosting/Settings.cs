using System.Collections;
using System.Net;
using MimeKit;
using StsFunctions.Api;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;
using StsFunctions.Reports;
using StsFunctions.ScheduleChecks;
using StsFunctions.SendWarning;

namespace StsFunctions.Hosting;

/// <summary>Everything an operator can set, read once at start. docs/SETTINGS.md lists it.</summary>
internal sealed record Settings(
    AppHosts AppHosts,
    EdgeSettings Edge,
    StorageSettings Storage,
    ServingSettings Serving,
    OutgoingSettings Outgoing,
    ScheduleSettings Schedule,
    CheckSettings Check,
    ConfirmSettings Confirm,
    string? CertificateAuthority,
    ReportSettings Reports,
    ArrivalSettings Arrivals,
    RetentionSettings Retention,
    WarningSettings Warnings,
    AuthSettings? Auth,
    TelemetrySettings Telemetry)
{
    // As many as 128 bits have in base32, and more than anybody types by hand.
    private const int MinMailSecret = 26;

    private const int MaxDays = 3_650;

    // What Communication Services takes from a domain that Azure manages.
    private const int AcsMailsPerHour = 10;

    /// <summary>
    /// Reads the settings out of the process's environment. Where <paramref name="faults"/> is not empty, nothing may start.
    /// What never touches storage needs none.
    /// </summary>
    public static Settings Read(IDictionary environment, out IReadOnlyList<string> faults, bool needsStorage = true)
    {
        var read = new SettingsReader(environment);
        var settings = new Settings(
            new AppHosts([.. read.List("Sts__AppHost", IsHost, "write the app's host name alone, for example app.example.com"), .. read.List("WEBSITE_HOSTNAME")]),
            ReadEdge(read),
            ReadStorage(read, needsStorage),
            new ServingSettings(
                CacheTime: read.Span("Sts__CacheTime", TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(45)),
                MaxStale: read.Span("Sts__MaxStale", TimeSpan.FromHours(24), TimeSpan.Zero, TimeSpan.FromDays(7))),
            ReadOutgoing(read),
            new ScheduleSettings(
                Spread: read.Span("Sts__CheckSpread", TimeSpan.FromMinutes(30), TimeSpan.Zero, TimeSpan.FromHours(6)),
                RoundGap: read.Span("Sts__RoundGap", TimeSpan.FromMinutes(30), TimeSpan.Zero, TimeSpan.FromHours(12))),
            ReadCheck(read),
            new ConfirmSettings(Delay: read.Span("Sts__ConfirmDelay", TimeSpan.FromMinutes(5), TimeSpan.Zero, TimeSpan.FromMinutes(15))),
            ReadCertificateAuthority(read),
            new ReportSettings(
                MaxBytes: read.Number("Sts__ReportMaxBytes", 10 << 20, 1 << 10, 100 << 20),
                MaxExpandedBytes: read.Number("Sts__ReportMaxExpandedBytes", 100 << 20, 1 << 10, 1 << 30),
                MaxRatio: read.Number("Sts__ReportMaxRatio", 250, 10, 1_100),
                MaxParts: read.Number("Sts__ReportMaxParts", 50, 1, 1_000),
                MaxDepth: read.Number("Sts__ReportMaxDepth", 5, 1, 10)),
            ReadArrivals(read),
            ReadRetention(read),
            ReadWarnings(read),
            ReadAuth(read),
            new TelemetrySettings(
                read.Text("APPLICATIONINSIGHTS_CONNECTION_STRING"),
                read.Text("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")));
        faults = read.Faults;
        return settings;
    }

    private static EdgeSettings ReadEdge(SettingsReader read) => new(
        [.. read.List("Sts__FrontDoorIds", text => Guid.TryParseExact(text, "D", out _), "write the frontDoorId of each Front Door profile, separated by commas").Select(text => Guid.ParseExact(text, "D"))],
        read.List("Sts__EdgeHosts", text => DomainName.TryParse(text, out _), "write the host names that mta-sts.<domain> is pointed at, separated by commas"));

    private static StorageSettings ReadStorage(SettingsReader read, bool isNeeded)
    {
        var connectionString = read.Text("AzureWebJobsStorage");
        var account = read.Text("AzureWebJobsStorage__accountName");
        var clientId = read.Text("AzureWebJobsStorage__clientId") ?? read.Text("AZURE_CLIENT_ID");
        if (isNeeded && connectionString is null && account is null)
        {
            read.Fault("AzureWebJobsStorage: not set; set AzureWebJobsStorage__accountName to the storage account's name (managed identity), or AzureWebJobsStorage to a connection string.");
        }

        var fault = StorageSettings.FaultOf(connectionString);
        if (fault is not null)
        {
            read.Fault($"AzureWebJobsStorage: {fault}");
        }

        return new StorageSettings(connectionString, account, clientId);
    }

    private static OutgoingSettings ReadOutgoing(SettingsReader read) => new(
        DnsServer: read.Endpoint("Sts__DnsServer", 53),
        AllowedNetworks: [.. read.List("Sts__Lab__AllowedNetworks", text => IPNetwork.TryParse(text, out _), "write networks, separated by commas, for example 127.0.0.0/8,::1/128").Select(text => IPNetwork.Parse(text))],
        HttpsPort: read.Number("Sts__Lab__HttpsPort", 443, 1, IPEndPoint.MaxPort),
        TrustedRoots: read.Parsed("Sts__Lab__TrustedRoots", TrustedRoots.FromPemFile, "name a readable PEM file with one or more CA certificates"),
        DnsValidates: read.Flag("Sts__DnsValidates"));

    private static CheckSettings ReadCheck(SettingsReader read) => new(
        SmtpPort: read.Number("Sts__Lab__SmtpPort", 25, 1, IPEndPoint.MaxPort),
        HeloName: read.Parsed("Sts__HeloName", text => DomainName.TryParse(text, out var name) ? name.Value : null, "write the host name to give in EHLO, for example check.example.com"),
        ReferenceMxHosts: read.List("Sts__ReferenceMxHosts", text => DomainName.TryParse(text, out _), "write host names, separated by commas") is { Count: > 0 } hosts
            ? hosts
            : ["gmail-smtp-in.l.google.com", "outlook-com.olc.protection.outlook.com", "mx-eu.mail.am0.yahoodns.net"],
        SessionTimeout: read.Span("Sts__SessionTimeout", TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(2)),
        RetryDelay: read.Span("Sts__RetryDelay", TimeSpan.FromSeconds(10), TimeSpan.Zero, TimeSpan.FromMinutes(1)))
    {
        CheckDeadline = read.Span("Sts__CheckDeadline", TimeSpan.FromMinutes(4), TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(25)),
        PolicyTimeout = read.Span("Sts__PolicyTimeout", OutgoingHttp.DefaultTimeout, TimeSpan.FromSeconds(1), OutgoingHttp.DefaultTimeout),
    };

    // Azure's managed certificates, of Functions and of Front Door, are DigiCert's.
    private static string? ReadCertificateAuthority(SettingsReader read) =>
        (read.Parsed("Sts__CertificateAuthority", text => text == "none" || DomainName.TryParse(text, out _) ? text.ToLowerInvariant() : null, "write the CA as CAA records name it, for example digicert.com, or none") ?? "digicert.com") is var name && name == "none"
            ? null
            : name;

    private static ArrivalSettings ReadArrivals(SettingsReader read)
    {
        var level = read.Parsed(
            "Sts__ReportTrust",
            text => Enum.GetNames<TrustLevel>().Any(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) ? new ReportTrust(Enum.Parse<TrustLevel>(text, ignoreCase: true)) : null,
            "write aligned, signed or any");
        var secret = read.Parsed(
            "Sts__MailSecret",
            text => text.Length >= MinMailSecret && text.All(c => c is > ' ' and <= '~') ? text : null,
            $"write at least {MinMailSecret} visible ASCII characters that nobody guesses, as `openssl rand -hex 32` prints them",
            isSecret: true);
        var mailbox = read.Parsed(
            "Sts__ReportMailbox",
            text => ParseId(text) ?? (ParseMailbox(text) is { } address && address.Address == text ? text : null),
            "write the mailbox's address alone, for example tlsrpt@example.com, or its user's id");
        var graph = read.Parsed("Sts__Lab__Graph", ParseLabAddress, "write the address of a stand-in for Microsoft Graph on this machine, for example http://127.0.0.1:8080/");
        return new ArrivalSettings(
            level ?? ReportTrust.Default,
            new PostSettings(
                PerMinute: read.Number("Sts__PostsPerMinute", 300, 1, 100_000),
                PerDomainAndDay: read.Number("Sts__PostsPerDomainAndDay", 500, 1, 1_000_000)),
            secret,
            mailbox is null ? null : new MailboxSettings(mailbox, graph ?? MailboxSettings.PublicGraph),
            read.Parsed("Sts__TrustedReportSigners", ParseSigners, "write the domains that sign reports of senders you know, separated by commas, for example google.com,microsoft.com, or none") ?? TrustedReportSigners.Default);
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

    // Never shorter than what is read of each kind: summaries of 30 days, quarantine of 7, observations of two days ago.
    private static RetentionSettings ReadRetention(SettingsReader read) => new(
        RawReportDays: read.Number("Sts__RawReportDays", RetentionSettings.Default.RawReportDays, 7, MaxDays),
        QuarantineDays: read.Number("Sts__QuarantineDays", RetentionSettings.Default.QuarantineDays, 7, MaxDays),
        ReportDays: read.Number("Sts__ReportDays", RetentionSettings.Default.ReportDays, 35, MaxDays),
        ObservationDays: read.Number("Sts__ObservationDays", RetentionSettings.Default.ObservationDays, 7, MaxDays),
        AuditDays: read.Number("Sts__AuditDays", RetentionSettings.Default.AuditDays, 30, MaxDays),
        PostCountDays: read.Number("Sts__PostCountDays", RetentionSettings.Default.PostCountDays, 2, MaxDays));

    private static WarningSettings ReadWarnings(SettingsReader read)
    {
        const string addressHint = "write one mail address, for example postmaster@example.com";
        var from = read.Parsed("Sts__WarnFrom", ParseMailbox, addressHint);
        var to = read.Parsed("Sts__WarnTo", ParseMailboxes, "write one or more mail addresses, separated by commas") ?? [];
        var acs = read.Parsed(
            "Sts__AcsEndpoint",
            text => Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.IsLoopback) ? uri : null,
            "write the https address of the Communication Services resource");
        var acsKey = read.Parsed("Sts__AcsKey", ParseBase64, "write the access key as Azure shows it (base64)", isSecret: true);
        var smtpHost = read.Text("Sts__SmtpHost");
        var smtp = new SmtpSettings(
            smtpHost ?? "",
            read.Number("Sts__SmtpPort", 587, 1, IPEndPoint.MaxPort),
            read.Text("Sts__SmtpUser"),
            read.Text("Sts__SmtpPassword"),
            Plain: read.Flag("Sts__SmtpPlain"));
        var folder = read.Text("Sts__MailFolder");

        if (new object?[] { acs, smtpHost, folder }.Count(way => way is not null) > 1)
        {
            read.Fault("Sts__AcsEndpoint, Sts__SmtpHost, Sts__MailFolder: more than one is set; warnings leave one way, so keep one.");
        }

        if ((acs ?? (object?)smtpHost ?? folder) is not null && (read.Text("Sts__WarnFrom") is null || read.Text("Sts__WarnTo") is null))
        {
            read.Fault("Sts__WarnFrom, Sts__WarnTo: both must be set for warnings to be mailed.");
        }

        var mailsPerHour = read.Number("Sts__MailsPerHour", AcsMailsPerHour, 2, 10_000);
        var isLimited = acs is not null || read.Text("Sts__MailsPerHour") is not null;
        return new WarningSettings(from, to, acs, acsKey, smtpHost is null ? null : smtp, folder, isLimited ? mailsPerHour : null);
    }

    // Null: nobody has access to api/.
    private static AuthSettings? ReadAuth(SettingsReader read)
    {
        var tenant = read.Parsed("Sts__Auth__Tenant", ParseId, "write the tenant's id, as `az account show --query tenantId` prints it");
        var audiences = read.List("Sts__Auth__Audience", IsAudience, "write the application's (client) id or its application ID URI, or both with a comma between");
        var groupClaim = read.Parsed("Sts__Auth__GroupClaim", text => text.Any(char.IsWhiteSpace) ? null : text, "write the name of one claim, for example groups");
        var authority = read.Parsed(
            "Sts__Lab__Authority",
            ParseLabAddress,
            "write the address of a token issuer on this machine, for example http://127.0.0.1:8080/");

        if (read.Text("Sts__Auth__Tenant") is null != read.Text("Sts__Auth__Audience") is null)
        {
            read.Fault("Sts__Auth__Tenant, Sts__Auth__Audience: only one is set; set both to open api/, or none.");
        }

        return tenant is null || audiences is [] ? null : new AuthSettings(tenant, [.. audiences.SelectMany(Spellings)], groupClaim, authority ?? AuthSettings.Entra);
    }

    // A registration's first application ID URI is api:// and its id: whoever names one means both.
    private static IEnumerable<string> Spellings(string audience) => ParseId(audience) is { } id ? [id, $"api://{id}"] : [audience];

    private static bool IsAudience(string text) => ParseId(text) is not null || (Uri.IsWellFormedUriString(text, UriKind.Absolute) && !text.Contains(' ', StringComparison.Ordinal));

    private static Uri? ParseLabAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri is { IsLoopback: true, Scheme: "http" or "https", PathAndQuery: "/" } ? uri : null;

    private static string? ParseId(string text) => Guid.TryParseExact(text, "D", out var id) ? id.ToString() : null;

    private static MailboxAddress? ParseMailbox(string text) =>
        MailboxAddress.TryParse(text, out var mailbox) && mailbox.Address.Contains('@', StringComparison.Ordinal) ? mailbox : null;

    private static IReadOnlyList<MailboxAddress>? ParseMailboxes(string text)
    {
        var addresses = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var mailboxes = addresses.Select(ParseMailbox).OfType<MailboxAddress>().ToList();
        return mailboxes is [] || mailboxes.Count < addresses.Length ? null : mailboxes;
    }

    // A name or an address, with a port where a lab has one; a URL would match no request.
    private static bool IsHost(string text) =>
        Uri.TryCreate($"http://{text}/", UriKind.Absolute, out var uri) && uri.Authority.Equals(text, StringComparison.OrdinalIgnoreCase);

    private static byte[]? ParseBase64(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }
}
