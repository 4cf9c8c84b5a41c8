using StsFunctions.Access;
using StsFunctions.Agents;
using StsFunctions.Api;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.FetchReportMail;
using StsFunctions.IngestReport;
using StsFunctions.JudgeReports;
using StsFunctions.Outgoing;
using StsFunctions.ReceiveMail;
using StsFunctions.ReceiveReport;
using StsFunctions.Reports;
using StsFunctions.ScheduleChecks;
using StsFunctions.SendWarning;
using StsFunctions.ServePolicy;
using StsFunctions.SweepStorage;

namespace StsFunctions.Hosting;

/// <summary>What is made of what. Everything is made when it is first needed, so that a policy served from cold pays for nothing else.</summary>
internal static class Composition
{
    // One quick look: the policy cache has its own answer to a storage that is slow or down.
    private const int PolicyReadRetries = 1;
    private static readonly TimeSpan PolicyReadTimeout = TimeSpan.FromSeconds(3);

    public static void AddStsFunctions(this IServiceCollection services, Settings settings)
    {
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(settings.AppHosts);
        services.AddSingleton(settings.Edge);
        services.AddSingleton(settings.Serving);
        services.AddSingleton(settings.Schedule);
        services.AddSingleton(settings.Check);
        services.AddSingleton(settings.Confirm);
        services.AddSingleton(PlacesOf(settings));
        services.AddSingleton(settings.Reports);
        services.AddSingleton(settings.Arrivals);
        services.AddSingleton(settings.Arrivals.Trust);
        services.AddSingleton(settings.Arrivals.TrustedSigners);
        services.AddSingleton<HostsApart>();

        services.AddSingleton(_ => settings.Storage.Blobs());
        services.AddSingleton(_ => settings.Storage.Queues());
        services.AddSingleton(_ => settings.Storage.Tables());
        services.AddSingleton<DomainStore>();
        services.AddSingleton<MxHostStore>();
        services.AddSingleton<AgentStore>();
        services.AddSingleton<WantedLookStore>();
        services.AddSingleton<ReportStore>();
        services.AddSingleton<FleetStore>();
        services.AddSingleton<PolicyBlobs>();
        services.AddSingleton<CheckQueue>();
        services.AddSingleton<Rounds>();
        services.AddSingleton<PolicyPublisher>();
        services.AddSingleton<FindingLedger>();

        services.AddSingleton(provider => new PolicyCache(
            new PolicyBlobs(settings.Storage.Blobs(PolicyReadRetries, PolicyReadTimeout)),
            settings.Serving,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<PolicyCache>>()));
        services.AddSingleton<ServePolicyFunction>();

        services.AddSingleton<ReportReader>();
        services.AddSingleton<ProvenanceKeyStore>();
        services.AddSingleton<ReportProvenance>();
        services.AddSingleton<ReportInbox>();
        services.AddSingleton<ArrivalQueue>();
        services.AddSingleton<RawReports>();
        services.AddSingleton<MailAuthenticity>();
        services.AddSingleton<PostRate>();
        services.AddSingleton<PostCountStore>();
        services.AddSingleton<ReceiveReportFunction>();
        services.AddSingleton<ReceiveMailFunction>();
        services.AddSingleton(provider => new FetchReportMailFunction(
            settings.Arrivals.Mailbox is { } mailbox
                ? new GraphMailbox(mailbox, mailbox.IsLab ? null : settings.Storage.Credential(), provider.GetRequiredService<TimeProvider>())
                : null,
            provider.GetRequiredService<ReportReader>(),
            provider.GetRequiredService<ReportInbox>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FetchReportMailFunction>>()));
        services.AddSingleton<IngestReportFunction>();
        services.AddSingleton(settings.Retention);
        services.AddSingleton<RetentionCursorStore>();
        services.AddSingleton<BlobRetention>();
        services.AddSingleton<RowRetention>();
        services.AddSingleton<RetentionSweep>();
        services.AddSingleton<SweepStorageFunction>();
        services.AddSingleton<OwnLooks>();
        services.AddSingleton<JudgeReportsFunction>();

        services.AddSingleton(settings.Outgoing);
        services.AddSingleton<OutgoingGate>();
        services.AddSingleton<Resolver>();
        services.AddSingleton<OutgoingHttp>();
        services.AddSingleton<DnsObserver>();
        services.AddSingleton<PolicyFetcher>();
        services.AddSingleton(provider => new SmtpProbe(
            provider.GetRequiredService<OutgoingGate>(),
            settings.Check,
            settings.Check.HeloName ?? new HostString(settings.AppHosts.Primary ?? "localhost").Host,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Repetition>();
        services.AddSingleton<DirectProbe>();
        services.AddSingleton<IAddressProbe>(provider => new SharedProbe(
            provider.GetRequiredService<MxHostStore>(), provider.GetRequiredService<DirectProbe>(), settings.Check, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Observer>();
        services.AddSingleton<ObservationBlobs>();
        services.AddSingleton<AgentEyes>();
        services.AddSingleton<CheckDomainFunction>();
        services.AddSingleton<ScheduleChecksFunction>();

        services.AddSingleton<MailCountStore>();
        services.AddSingleton(provider => new SendWarningFunction(
            provider.GetRequiredService<DomainStore>(),
            provider.GetRequiredService<FleetStore>(),
            RoadOf(settings.Warnings, provider),
            new MailQuota(settings.Warnings.MailsPerHour),
            provider.GetRequiredService<MailCountStore>(),
            provider.GetRequiredService<ILogger<SendWarningFunction>>()));

        services.AddSingleton<VisibleDomains>();
        services.AddSingleton<DomainsResource>();
        services.AddSingleton<VisibleReports>();
        services.AddSingleton<ReportsResource>();
        services.AddSingleton<ReprocessResource>();
        services.AddSingleton(provider => new BearerTokens(
            settings.Auth, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<HandedIn>();
        services.AddSingleton<AgentResults>();
        services.AddSingleton<AgentWork>();
        services.AddSingleton<AgentResource>();
        services.AddSingleton<ApiFunction>();
    }

    // Where records are to point, as far as the settings tell.
    private static OurPlaces PlacesOf(Settings settings)
    {
        var (apps, mailbox) = (settings.AppHosts.Names, settings.Arrivals.Mailbox);
        // A provider that posts mail here takes it at an address of its own, and a mailbox may be named by an id: then any may be ours.
        var isAnyAddress = settings.Arrivals.MailSecret is not null || mailbox is { MailAddress: null };
        return new OurPlaces(
            settings.Edge.Hosts is [] ? [.. apps.Select(name => new HostString(name).Host)] : settings.Edge.Hosts,
            isAnyAddress ? [] : [.. apps.Select(name => $"https://{name}/v1/tlsrpt"), .. mailbox is null ? (string[])[] : [$"mailto:{mailbox.MailAddress}"]],
            settings.CertificateAuthority);
    }

    private static IMailRoad? RoadOf(WarningSettings warnings, IServiceProvider provider)
    {
        var time = provider.GetRequiredService<TimeProvider>();
        return warnings switch
        {
            { AcsEndpoint: not null } => new CommunicationServicesRoad(warnings, time, provider.GetRequiredService<ILogger<CommunicationServicesRoad>>()),
            { Smtp: not null } => new SmtpRoad(warnings, time),
            { MailFolder: not null } => new FolderRoad(warnings, time),
            _ => null,
        };
    }
}
