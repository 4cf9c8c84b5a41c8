using System.Collections.Concurrent;
using StsFunctions.Local.MailInternet;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Storage;
using Xunit;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>What a round costs: the app's own calls of storage for a domain.</summary>
public sealed class StorageCallsTests(AzuriteFixture azurite)
{
    // A fleet has about as many: five domains an address of an MX host.
    private const int DomainsAnAddress = 5;
    private const double MostADomain = 10;

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_domain_and_round_of_a_fleet_take_at_most_ten_calls_of_storage()
    {
        var direct = await TestStorage.CreateAsync(azurite);
        await using var wire = await BadWire.StartAsync(direct.ConnectionString, Now);
        var calls = new ConcurrentQueue<StorageCall>();
        wire.OnCall = call =>
        {
            calls.Enqueue(call);
            return null;
        };
        var storage = new TestStorage(wire.ConnectionString);
        await using var lab = await Lab.StartAsync([.. Domains.Select(name => new LabDomain(name, "") { Mx = [new("mx.provider.example")] })]);
        foreach (var name in Domains)
        {
            await direct.Publisher.PublishAsync(DomainName.Parse(name), Policy.Parse("version: STSv1\nmode: enforce\nmx: mx.provider.example\nmax_age: 604800\n"u8), null, Now);
            lab.Internet.SetPolicyId(name, (await direct.Domains.ReadAsync(name, Now)).Record!.PolicyId);
        }

        var observer = lab.ObserverOf(lab.Probe(), lab.Options(), TimeProvider.System, storage.MxHosts);
        // The first round finds lists without the domains' lines, and a network that nobody knows yet.
        foreach (var round in (string[])["20990101000000001", "20990101000000002"])
        {
            calls.Clear();
            foreach (var name in Domains)
            {
                await lab.Function(storage, observer).RunAsync($$"""{"domain":"{{name}}","checkRun":"{{round}}"}""", Now);
            }
        }

        Assert.True(calls.Count <= MostADomain * DomainsAnAddress, string.Join('\n', calls.Select(call => $"{call.Service} {call.Method} {call.Target}")));
        // Each of them reads and writes something: a wire that carries nothing would prove nothing.
        Assert.True(calls.Count >= 3 * DomainsAnAddress);
    }

    private static IReadOnlyList<string> Domains { get; } = [.. Enumerable.Range(0, DomainsAnAddress).Select(n => $"d{n}.example")];
}
