using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Hosts;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Options;
using StsFunctions.Core.Rules;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Notifications;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.ReportIntake.Mailbox;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Notifications;
using StsFunctions.Storage.Probes;
using StsFunctions.Storage.Reports;
using StsFunctions.Storage.Retention;
using StsFunctions.UseCases.Access;
using StsFunctions.UseCases.Checks;
using StsFunctions.UseCases.Notifications;
using StsFunctions.UseCases.Policies;
using StsFunctions.UseCases.Probes;
using StsFunctions.UseCases.Reports;
using StsFunctions.UseCases.Retention;

namespace StsFunctions.UseCases.Hosting;

/// <summary>Registers the services. Each is created when it is first needed, so that serving a policy after a cold start creates nothing else.</summary>
internal static class ServiceCollectionExtensions
{
    /// <summary>Adds the options and the services that need no storage: checks of domains and the reading of reports.</summary>
    public static IServiceCollection AddStsCore(this IServiceCollection services)
    {
        services.AddOptions(AppHostOptions.Bind);
        services.AddOptions(PolicyHostOptions.Bind);
        services.AddOptions(ServingOptions.Bind);
        services.AddOptions(EgressOptions.Bind);
        services.AddOptions(ScheduleOptions.Bind);
        services.AddOptions(CheckOptions.Bind);
        services.AddOptions(ConfirmationOptions.Bind);
        services.AddOptions(MessageDelayOptions.Bind);
        services.AddOptions(ReportLimitsOptions.Bind);
        services.AddOptions(ReportIntakeOptions.Bind);
        services.AddOptions(RetentionOptions.Bind);
        services.AddOptions<EmailOptions, EmailOptionsValidator>(EmailOptions.Bind);
        services.AddOptions<UnknownSettings, UnknownSettingsValidator>(UnknownSettings.Find);

        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<EgressGuard>();
        services.AddSingleton<DnsResolver>();
        services.AddSingleton<ITxtLookup>(provider => provider.GetRequiredService<DnsResolver>());
        services.AddSingleton<EgressHttp>();
        services.AddSingleton<DnsObserver>();
        services.AddSingleton<PolicyFetcher>();
        services.AddSingleton(provider => new SmtpProbe(
            provider.GetRequiredService<EgressGuard>(),
            provider.GetRequiredService<CheckOptions>(),
            provider.GetRequiredService<CheckOptions>().HeloName ?? (provider.GetRequiredService<AppHostOptions>().Primary is { } app ? AppHostOptions.HostOf(app) : EhloName.OfMachine()),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Retry>();
        services.AddSingleton<SmtpMxProbe>();
        services.AddSingleton<IMxProbe>(provider => provider.GetRequiredService<SmtpMxProbe>());
        services.AddSingleton<Observer>();

        services.AddSingleton<IntakeMemory>();
        services.AddSingleton<PostedBodyReader>();
        services.AddSingleton<ReportReader>();
        services.AddSingleton<DkimValidator>();
        return services;
    }

    /// <summary>Adds the storage account and the services that use it.</summary>
    public static IServiceCollection AddStsStorage(this IServiceCollection services)
    {
        services.AddStorageClients();
        services.AddSingleton<DomainStore>();
        services.AddSingleton<MxHostStore>();
        services.AddSingleton<AgentStore>();
        services.AddSingleton<ProbeTaskStore>();
        services.AddSingleton<ReportStore>();
        services.AddSingleton<DomainSummaryStore>();
        services.AddSingleton<PolicyBlobs>();
        services.AddSingleton<CheckQueue>();
        services.AddSingleton<NotificationQueue>();
        services.AddSingleton<EvaluationQueue>();
        services.AddSingleton<CheckRunStore>();
        services.AddSingleton<PolicyPublisher>();
        services.AddSingleton<FindingRecorder>();

        services.AddSingleton(provider => new PolicyCache(
            provider.GetRequiredService<StorageOptions>().PoliciesToServe(),
            provider.GetRequiredService<ServingOptions>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<PolicyCache>>()));

        return services
            .AddReports()
            .AddRetention()
            .AddChecks()
            .AddNotifications()
            .AddAccess();
    }

    private static IServiceCollection AddReports(this IServiceCollection services)
    {
        services.AddSingleton(provider => provider.GetRequiredService<ReportIntakeOptions>().AuthenticationPolicy);
        services.AddSingleton(provider => provider.GetRequiredService<ReportIntakeOptions>().TrustedSigners);
        services.AddSingleton<ProvenanceKeyStore>();
        services.AddSingleton<ReportProvenance>();
        services.AddSingleton<ReportInbox>();
        services.AddSingleton<ReportQueue>();
        services.AddSingleton<ReportArchive>();
        services.AddSingleton<PostCountStore>();
        services.AddSingleton<SignerCountStore>();
        services.AddSingleton(provider => new ReportMailboxPoller(
            provider.GetRequiredService<ReportIntakeOptions>().Mailbox is { } mailbox
                ? new GraphMailbox(mailbox, mailbox.IsLab ? null : provider.GetRequiredService<StorageOptions>().Credential(), provider.GetRequiredService<TimeProvider>())
                : null,
            provider.GetRequiredService<ReportReader>(),
            provider.GetRequiredService<ReportInbox>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<ReportMailboxPoller>>()));
        services.AddSingleton<PostedReportReception>();
        services.AddSingleton<PostedMailReception>();
        services.AddSingleton<ReportReprocessing>();
        services.AddSingleton<ReportIngestion>();
        services.AddSingleton<StaleReportRequeuer>();
        services.AddSingleton<OwnObservationReader>();
        services.AddSingleton<ReportEvaluation>();
        return services;
    }

    private static IServiceCollection AddRetention(this IServiceCollection services)
    {
        services.AddSingleton<RetentionCursorStore>();
        services.AddSingleton<BlobRetention>();
        services.AddSingleton<RowRetention>();
        services.AddSingleton<RetentionSweep>();
        services.AddSingleton<ExpiredDataPurge>();
        return services;
    }

    private static IServiceCollection AddChecks(this IServiceCollection services)
    {
        services.AddSingleton<IMxProbe>(provider => new LeasedMxProbe(
            provider.GetRequiredService<MxHostStore>(),
            provider.GetRequiredService<SmtpMxProbe>(),
            provider.GetRequiredService<CheckOptions>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ObservationBlobs>();
        services.AddSingleton<RemoteProbeRequester>();
        services.AddSingleton<NetworkRecorder>();
        services.AddSingleton(ExpectedTargetsOf);
        services.AddSingleton<DomainCheck>();
        services.AddSingleton<CheckScheduler>();
        return services;
    }

    private static IServiceCollection AddNotifications(this IServiceCollection services)
    {
        services.AddSingleton<MailCountStore>();
        services.AddSingleton(provider => new NotificationDispatcher(
            provider.GetRequiredService<DomainStore>(),
            provider.GetRequiredService<DomainSummaryStore>(),
            EmailSenderOf(provider),
            new MailQuota(provider.GetRequiredService<EmailOptions>().MailsPerHour),
            provider.GetRequiredService<MailCountStore>(),
            provider.GetRequiredService<NotificationQueue>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<NotificationDispatcher>>()));
        return services;
    }

    private static IServiceCollection AddAccess(this IServiceCollection services)
    {
        services.AddSingleton<AuthorizedDomains>();
        services.AddSingleton<AuthorizedReports>();
        services.AddSingleton<ProbeResultReader>();
        services.AddSingleton<ProbeResultHandler>();
        services.AddSingleton<ProbeTaskDispatcher>();
        return services;
    }

    // The targets that DNS records should point to, as far as the settings give them.
    private static ExpectedTargets ExpectedTargetsOf(IServiceProvider provider)
    {
        var apps = provider.GetRequiredService<AppHostOptions>().Names;
        var policyHosts = provider.GetRequiredService<PolicyHostOptions>();
        var intake = provider.GetRequiredService<ReportIntakeOptions>();
        // A provider that posts mail here receives it at its own address, and a mailbox may be named by an id: then any address may be correct.
        var isAnyAddress = intake.MailSecret is not null || intake.Mailbox is { MailAddress: null };
        return new ExpectedTargets(
            policyHosts.EdgeHosts is [] ? [.. apps.Select(AppHostOptions.HostOf)] : policyHosts.EdgeHosts,
            isAnyAddress ? [] : [.. apps.Select(name => $"https://{name}/v1/tlsrpt"), .. intake.Mailbox is { } mailbox ? [$"mailto:{mailbox.MailAddress}"] : (string[])[]],
            policyHosts.CertificateAuthority);
    }

    private static IEmailSender? EmailSenderOf(IServiceProvider provider)
    {
        var (email, time) = (provider.GetRequiredService<EmailOptions>(), provider.GetRequiredService<TimeProvider>());
        return email switch
        {
            // If the service asks to wait (5 mails a minute for an Azure-managed domain), the next run tries again.
            { AcsEndpoint: not null } => new AcsEmailSender(email, new BoundedRetryPolicy(maxRetries: 2, longestWait: TimeSpan.Zero), time, provider.GetRequiredService<ILogger<AcsEmailSender>>()),
            { Smtp: not null } => new SmtpEmailSender(email, time),
            { MailFolder: not null } => new PickupFolderEmailSender(email, time),
            _ => null,
        };
    }
}
