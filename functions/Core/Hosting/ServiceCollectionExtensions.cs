using StsFunctions.Access;
using StsFunctions.Agents;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.FetchReportMail;
using StsFunctions.IngestReport;
using StsFunctions.JudgeReports;
using StsFunctions.Options;
using StsFunctions.Outgoing;
using StsFunctions.Reports;
using StsFunctions.ScheduleChecks;
using StsFunctions.SendWarning;
using StsFunctions.Serving;
using StsFunctions.SweepStorage;

namespace StsFunctions.Hosting;

/// <summary>What is made of what. Everything is made when it is first needed, so that a policy served from cold pays for nothing else.</summary>
internal static class ServiceCollectionExtensions
{
    // One quick look: the policy cache has its own answer to a storage that is slow or down.
    private const int PolicyReadRetries = 1;
    private static readonly TimeSpan PolicyReadTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Adds the options, and what needs no storage: looks at domains, and reading reports.</summary>
    public static IServiceCollection AddStsCore(this IServiceCollection services)
    {
        services.AddOptions(AppHostOptions.Bind);
        services.AddOptions(PolicyHostOptions.Bind);
        services.AddOptions(ServingOptions.Bind);
        services.AddOptions(EgressOptions.Bind);
        services.AddOptions(ScheduleOptions.Bind);
        services.AddOptions(CheckOptions.Bind);
        services.AddOptions(ConfirmationOptions.Bind);
        services.AddOptions(ReportLimitsOptions.Bind);
        services.AddOptions(ReportIntakeOptions.Bind);
        services.AddOptions(RetentionOptions.Bind);
        services.AddOptions<EmailOptions, EmailOptionsValidator>(EmailOptions.Bind);
        services.AddOptions<UnknownSettings, UnknownSettingsValidator>(UnknownSettings.Find);

        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<OutgoingGate>();
        services.AddSingleton<Resolver>();
        services.AddSingleton<OutgoingHttp>();
        services.AddSingleton<DnsObserver>();
        services.AddSingleton<PolicyFetcher>();
        services.AddSingleton(provider => new SmtpProbe(
            provider.GetRequiredService<OutgoingGate>(),
            provider.GetRequiredService<CheckOptions>(),
            provider.GetRequiredService<CheckOptions>().HeloName ?? (provider.GetRequiredService<AppHostOptions>().Primary is { } app ? AppHostOptions.HostOf(app) : EhloName.OfMachine()),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Repetition>();
        services.AddSingleton<DirectProbe>();
        services.AddSingleton<IAddressProbe>(provider => provider.GetRequiredService<DirectProbe>());
        services.AddSingleton<Observer>();

        services.AddSingleton<IntakeMemory>();
        services.AddSingleton<PostedBodyReader>();
        services.AddSingleton<ReportReader>();
        services.AddSingleton<MailAuthenticity>();
        return services;
    }

    /// <summary>Adds the storage account, and all that works on it.</summary>
    public static IServiceCollection AddStsStorage(this IServiceCollection services)
    {
        services.AddOptions<StorageOptions, StorageOptionsValidator>(StorageOptions.Bind);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOptions>().Blobs());
        services.AddSingleton(provider => provider.GetRequiredService<StorageOptions>().Queues());
        services.AddSingleton(provider => provider.GetRequiredService<StorageOptions>().Tables());
        services.AddSingleton(provider => provider.GetRequiredService<ReportIntakeOptions>().Trust);
        services.AddSingleton(provider => provider.GetRequiredService<ReportIntakeOptions>().TrustedSigners);
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
            new PolicyBlobs(provider.GetRequiredService<StorageOptions>().Blobs(PolicyReadRetries, PolicyReadTimeout)),
            provider.GetRequiredService<ServingOptions>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<PolicyCache>>()));

        services.AddSingleton<ProvenanceKeyStore>();
        services.AddSingleton<ReportProvenance>();
        services.AddSingleton<ReportInbox>();
        services.AddSingleton<ArrivalQueue>();
        services.AddSingleton<RawReports>();
        services.AddSingleton<PostCountStore>();
        services.AddSingleton<SignerCountStore>();
        services.AddSingleton(provider => new FetchReportMailFunction(
            provider.GetRequiredService<ReportIntakeOptions>().Mailbox is { } mailbox
                ? new GraphMailbox(mailbox, mailbox.IsLab ? null : provider.GetRequiredService<StorageOptions>().Credential(), provider.GetRequiredService<TimeProvider>())
                : null,
            provider.GetRequiredService<ReportReader>(),
            provider.GetRequiredService<ReportInbox>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<FetchReportMailFunction>>()));
        services.AddSingleton<IngestReportFunction>();
        services.AddSingleton<RetentionCursorStore>();
        services.AddSingleton<BlobRetention>();
        services.AddSingleton<RowRetention>();
        services.AddSingleton<RetentionSweep>();
        services.AddSingleton<SweepStorageFunction>();
        services.AddSingleton<OwnLooks>();
        services.AddSingleton<JudgeReportsFunction>();

        services.AddSingleton<IAddressProbe>(provider => new SharedProbe(
            provider.GetRequiredService<MxHostStore>(),
            provider.GetRequiredService<DirectProbe>(),
            provider.GetRequiredService<CheckOptions>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ObservationBlobs>();
        services.AddSingleton<AgentEyes>();
        services.AddSingleton(PlacesOf);
        services.AddSingleton<CheckDomainFunction>();
        services.AddSingleton<ScheduleChecksFunction>();

        services.AddSingleton<MailCountStore>();
        services.AddSingleton(provider => new SendWarningFunction(
            provider.GetRequiredService<DomainStore>(),
            provider.GetRequiredService<FleetStore>(),
            RoadOf(provider),
            new MailQuota(provider.GetRequiredService<EmailOptions>().MailsPerHour),
            provider.GetRequiredService<MailCountStore>(),
            provider.GetRequiredService<ILogger<SendWarningFunction>>()));

        services.AddSingleton<VisibleDomains>();
        services.AddSingleton<VisibleReports>();
        services.AddSingleton<HandedIn>();
        services.AddSingleton<AgentResults>();
        services.AddSingleton<AgentWork>();
        return services;
    }

    // Where records are to point, as far as the settings tell.
    private static OurPlaces PlacesOf(IServiceProvider provider)
    {
        var apps = provider.GetRequiredService<AppHostOptions>().Names;
        var policyHosts = provider.GetRequiredService<PolicyHostOptions>();
        var intake = provider.GetRequiredService<ReportIntakeOptions>();
        // A provider that posts mail here takes it at an address of its own, and a mailbox may be named by an id: then any may be ours.
        var isAnyAddress = intake.MailSecret is not null || intake.Mailbox is { MailAddress: null };
        return new OurPlaces(
            policyHosts.EdgeHosts is [] ? [.. apps.Select(AppHostOptions.HostOf)] : policyHosts.EdgeHosts,
            isAnyAddress ? [] : [.. apps.Select(name => $"https://{name}/v1/tlsrpt"), .. intake.Mailbox is { } mailbox ? [$"mailto:{mailbox.MailAddress}"] : (string[])[]],
            policyHosts.CertificateAuthority);
    }

    private static IMailRoad? RoadOf(IServiceProvider provider)
    {
        var (email, time) = (provider.GetRequiredService<EmailOptions>(), provider.GetRequiredService<TimeProvider>());
        return email switch
        {
            { AcsEndpoint: not null } => new CommunicationServicesRoad(email, time, provider.GetRequiredService<ILogger<CommunicationServicesRoad>>()),
            { Smtp: not null } => new SmtpRoad(email, time),
            { MailFolder: not null } => new FolderRoad(email, time),
            _ => null,
        };
    }
}
