using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Storage;
using StsFunctions.UseCases.Checks;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>What a check run costs: the app's own calls of storage for a domain, from the message to the summary.</summary>
public sealed partial class StorageCallsTests(AzuriteFixture azurite)
{
    // A typical installation has about as many: five domains an address of an MX host.
    private const int DomainsAnAddress = 5;
    private const double MostADomain = 8.6;

    private const string Provider = "mx.provider.example";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static IReadOnlyList<string> Domains { get; } = [.. Enumerable.Range(0, DomainsAnAddress).Select(n => $"d{n}.example")];

    [Fact]
    public async Task A_check_run_of_many_domains_stays_within_the_budget_of_storage_calls()
    {
        await using var system = await CountedSystem.StartAsync(azurite, LabAddress.IPv4);
        // The first check run finds lists without the domains' lines, and a network whose state is unknown.
        await system.CheckAsync("20990101000000001", Domains);

        var calls = await system.CheckAsync("20990101000000002", Domains);

        Assert.True(calls.Count <= MostADomain * DomainsAnAddress, Figures(calls));
        // Each of them reads and writes something: a proxy without any call would prove nothing.
        Assert.True(calls.Count >= 3 * DomainsAnAddress);
    }

    [Fact]
    public async Task The_first_domain_reads_an_MX_host_with_many_addresses_once_and_the_others_not_at_all()
    {
        await using var system = await CountedSystem.StartAsync(azurite, LabAddress.IPv4, LabAddress.IPv4, LabAddress.IPv4, LabAddress.DeadIPv4);

        var first = OfMxHosts(await system.CheckAsync("20990101000000001", [Domains[0]]));
        var second = OfMxHosts(await system.CheckAsync("20990101000000001", [Domains[1]]));

        // Each address is leased and stored.
        Assert.True(first.Count(IsRead) == 1 && first.Count == 1 + (2 * 4), Figures(first));
        // The dead one may be replaced by an agent at any time.
        Assert.True(second.Count == 1 && IsRead(second[0]), Figures(second));
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task Not_every_check_reads_agents_or_the_installations_findings_while_port_25_is_blocked()
    {
        await using var system = await CountedSystem.StartAsync(azurite, LabAddress.DeadIPv4, LabAddress.DeadIPv4);

        var first = await system.CheckAsync("20990101000000001", [Domains[0]]);
        var second = await system.CheckAsync("20990101000000001", [Domains[1]]);

        Assert.Equal("outbound.smtp.blocked", Assert.Single((await system.Direct.Domains.ReadAsync("@operator", Cancellation)).Findings).Finding.Code);
        Assert.True(first.Any(IsOfOperator) && first.Any(IsOfAgents), Figures(first));
        Assert.True(!second.Any(IsOfOperator) && !second.Any(IsOfAgents), Figures(second));
    }

    [Fact]
    public async Task Requesting_probes_of_many_addresses_takes_one_read_and_one_transaction()
    {
        await using var system = await CountedSystem.StartAsync(azurite, LabAddress.DeadIPv4, LabAddress.DeadIPv4, LabAddress.DeadIPv4);
        await system.Direct.Agents.NoteAsync("tokyo", Cancellation);
        await system.CheckAsync("20990101000000001", [Domains[0]]);

        var calls = OfMxHosts(await system.CheckAsync("20990101000000001", [Domains[1]]));

        // The stored probe of the host, its probe task, and the request of this domain.
        Assert.True(calls.Count == 3 && calls.Count(IsRead) == 2 && calls.Count(call => call.Target.Contains("@wanted", StringComparison.Ordinal) || call.Method == "POST") == 2, Figures(calls));
        Assert.All(
            await system.Direct.ProbeTasks.FreeForAsync("tokyo", Cancellation).ToListAsync(Cancellation),
            task => Assert.Equal(["d0.example", "d1.example"], task.Domains));
    }

    private static bool IsRead(StorageCall call) => call.Method == "GET";

    private static bool IsOfOperator(StorageCall call) => call.Target.Contains("@operator", StringComparison.Ordinal);

    private static bool IsOfAgents(StorageCall call) => call.Target.Contains("@agents", StringComparison.Ordinal);

    // A transaction's address names no table.
    private static List<StorageCall> OfMxHosts(IReadOnlyList<StorageCall> calls)
    {
        var batches = calls.Where(call => call.Target.Contains("$batch", StringComparison.Ordinal)).ToList();
        return [.. calls.Where(call => call.Target.Contains("/MxHosts", StringComparison.Ordinal)), .. batches.SkipLast(1)];
    }

    private static string Figures(IReadOnlyList<StorageCall> calls) => string.Join('\n', calls
        .GroupBy(call => $"{call.Service} {call.Method} {OwnDomain().Replace(call.Target, "{domain}")}")
        .Select(same => $"{same.Count()} × {same.Key}")
        .Prepend(string.Create(CultureInfo.InvariantCulture, $"{calls.Count} calls, {calls.Count / (double)DomainsAnAddress:0.0} a domain of {DomainsAnAddress}:")));

    [GeneratedRegex(@"d\d\.example")]
    private static partial Regex OwnDomain();

    /// <summary>Domains that this app hosts, all of them behind one MX host, and one instance that checks them through a proxy that counts calls.</summary>
    private sealed class CountedSystem : IAsyncDisposable
    {
        private readonly FaultInjectionProxy _proxy;
        private readonly Lab _lab;
        private readonly DomainCheck _function;
        private readonly ConcurrentQueue<StorageCall> _calls = new();

        private CountedSystem(TestStorage direct, FaultInjectionProxy proxy, Lab lab)
        {
            (Direct, _proxy, _lab) = (direct, proxy, lab);
            var storage = new TestStorage(proxy.ConnectionString);
            _function = lab.Function(storage, lab.ObserverOf(lab.Probe(), lab.Options(references: Provider), TimeProvider.System, storage.MxHosts));
            proxy.OnCall = call =>
            {
                _calls.Enqueue(call with { Target = Uri.UnescapeDataString(call.Target) });
                return null;
            };
        }

        /// <summary>The same account, uncounted.</summary>
        public TestStorage Direct { get; }

        public static async Task<CountedSystem> StartAsync(AzuriteFixture azurite, params LabAddress[] addresses)
        {
            var direct = await TestStorage.CreateAsync(azurite);
            var proxy = await FaultInjectionProxy.StartAsync(direct.ConnectionString, Cancellation);
            var lab = await Lab.StartAsync([.. Domains.Select(name => new LabDomain(name, "") { Mx = [new(Provider) { Addresses = addresses }] })]);
            foreach (var name in Domains)
            {
                await direct.Publisher.PublishAsync(DomainName.Parse(name), Policy.Parse("version: STSv1\nmode: enforce\nmx: mx.provider.example\nmax_age: 604800\n"u8), null, Cancellation);
                lab.MailLab.SetPolicyId(name, (await direct.Domains.ReadAsync(name, Cancellation)).Record!.PolicyId);
            }

            return new CountedSystem(direct, proxy, lab);
        }

        /// <summary>The calls that checks of domains take.</summary>
        public async Task<IReadOnlyList<StorageCall>> CheckAsync(string run, IReadOnlyList<string> domains)
        {
            _calls.Clear();
            foreach (var name in domains)
            {
                await _function.RunAsync($$"""{"domain":"{{name}}","checkRun":"{{run}}"}""", Cancellation);
            }

            return [.. _calls];
        }

        public async ValueTask DisposeAsync()
        {
            await _lab.DisposeAsync();
            await _proxy.DisposeAsync();
        }
    }
}
