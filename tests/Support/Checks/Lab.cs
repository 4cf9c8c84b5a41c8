using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Probes;
using StsFunctions.UseCases.Checks;

namespace StsFunctions.Tests.Checks;

/// <summary>A mail lab, and the app's probes of it.</summary>
internal sealed class Lab : IAsyncDisposable
{
    private Lab(MailLab lab) => MailLab = lab;

    public MailLab MailLab { get; }

    public static async Task<Lab> StartAsync(params LabDomain[] domains)
    {
        var lab = new Lab(await MailLab.StartAsync(TimeProvider.System, Xunit.TestContext.Current.CancellationToken));
        lab.MailLab.Add(domains);
        // No app runs here to serve the policies that are left to it.
        foreach (var domain in domains.Where(domain => domain.PolicyHost is null))
        {
            lab.MailLab.TakePolicy(domain.Name);
        }

        return lab;
    }

    /// <summary>The questions to its DNS.</summary>
    public DnsObserver Dns => new(new DnsResolver(Egress(everyAddress: true)));

    /// <summary>The options of its checks; a timeout is for a session that is to run into it.</summary>
    public CheckOptions Options(TimeSpan? sessionTimeout = null, params string[] references) => new()
    {
        SmtpPort = MailLab.SmtpPort,
        HeloName = "check.example",
        ReferenceMxHosts = references,
        SessionTimeout = sessionTimeout ?? TimeSpan.FromMinutes(1),
        RetryDelay = TimeSpan.Zero,
    };

    public SmtpProbe Probe(TimeSpan? sessionTimeout = null, bool everyAddress = true) =>
        new(Guard(everyAddress), Options(sessionTimeout), "check.example", TimeProvider.System);

    /// <summary>How its policy hosts are called.</summary>
    public EgressHttp Http => new(Guard(), new DnsResolver(Egress(everyAddress: true)), Egress(everyAddress: true), TimeProvider.System);

    public EgressGuard Guard(bool everyAddress = true) => new(Egress(everyAddress));

    public Observer Observer(TimeSpan? sessionTimeout = null, params string[] references) =>
        ObserverOf(Probe(sessionTimeout), Options(sessionTimeout, references), TimeProvider.System);

    /// <summary>An observer with the given probe, options and time, which shares its probes where it is given a store for them.</summary>
    public Observer ObserverOf(SmtpProbe probe, CheckOptions options, TimeProvider time, MxHostStore? shared = null)
    {
        var repetition = new Retry(options, time);
        var direct = new SmtpMxProbe(probe, repetition, options, time);
        IMxProbe addresses = shared is null ? direct : new LeasedMxProbe(shared, direct, options, time);
        return new(Dns, addresses, probe, new PolicyFetcher(Http, options, time), repetition, options, time);
    }

    public DomainCheck Function(TestStorage storage, Observer? observer = null, TimeSpan delay = default, TimeProvider? time = null) => new(
        storage.Domains, storage.Publisher, storage.Summaries, storage.Recorder, observer ?? Observer(), new ObservationBlobs(storage.Blobs), new CheckQueue(storage.Queues),
        new RemoteProbeRequester(storage.Agents, storage.ProbeTasks), new NetworkRecorder(storage.Domains, storage.Recorder, time ?? storage.Time), ExpectedTargets.Unknown, new ConfirmationOptions { Delay = delay }, time ?? storage.Time, NullLogger<DomainCheck>.Instance);

    /// <summary>The address of an MX host's first server.</summary>
    public IPAddress AddressOf(string host) => MailLab.Mx(host).Servers[0].EndPoint.Address;

    public ValueTask DisposeAsync() => MailLab.DisposeAsync();

    private EgressOptions Egress(bool everyAddress) => new()
    {
        DnsServer = MailLab.Dns,
        AllowedNetworks = everyAddress ? [IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")] : [],
        HttpsPort = MailLab.HttpsPort,
        TrustedRoots = new TrustedRoots(new X509Certificate2Collection(MailLab.Ca.Root)),
    };
}
