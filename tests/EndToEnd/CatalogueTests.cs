using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>Every domain of the mail lab, good or bad in one way, has exactly its expected findings.</summary>
public sealed class CatalogueTests(RunningSystem running) : IClassFixture<RunningSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "TXT-5")]
    [Trait("Conformance", "TXT-6")]
    [Trait("Conformance", "TXT-7")]
    [Trait("Conformance", "RUA-3")]
    [Trait("Conformance", "MX-1")]
    [Trait("Conformance", "MX-2")]
    [Trait("Conformance", "MX-3")]
    [Trait("Conformance", "MX-4")]
    [Trait("Conformance", "MX-5")]
    [Trait("Conformance", "MX-6")]
    public async Task Each_domain_of_the_catalogue_has_exactly_its_findings()
    {
        await CatalogueRun.CheckAsync(running, LabDomains.All, Cancellation);

        // The domains behind one mail provider, and every other: a second check finds nothing new.
        await running.System.NotifyAsync(Cancellation);
        var mails = running.Mails.Count;
        Assert.Equal(LabDomains.All.Count(domain => domain.Expected.Count > 0), mails);
        await running.System.CheckAllAsync(Cancellation);
        await running.System.NotifyAsync(Cancellation);
        Assert.Equal(mails, running.Mails.Count);
    }
}

/// <summary>The domains that do not answer, checked by an app with short timeouts.</summary>
public sealed class SilentCatalogueTests(SilentCatalogueTests.ImpatientSystem running) : IClassFixture<SilentCatalogueTests.ImpatientSystem>
{
    [Fact]
    [Trait("Conformance", "MX-2")]
    [Trait("Conformance", "MX-3")]
    public Task A_silent_domain_has_its_findings_after_the_timeout() =>
        CatalogueRun.CheckAsync(running, [.. LabDomains.Silent, LabDomains.Get("example.com")], TestContext.Current.CancellationToken);

    public sealed class ImpatientSystem(AppUnderTest app) : RunningSystem(app)
    {
        protected override LocalSystemOptions Options => new() { Settings = new Dictionary<string, string> { ["Sts__SessionTimeout"] = "00:00:05" } };
    }
}

internal static class CatalogueRun
{
    /// <summary>Hosts the domains, checks them all, and compares the findings with the expected ones.</summary>
    public static async Task CheckAsync(RunningSystem running, IReadOnlyList<LabDomain> domains, CancellationToken cancellationToken)
    {
        foreach (var domain in domains)
        {
            await running.System.AddAsync(domain, cancellationToken);
        }

        await running.System.CheckAllAsync(cancellationToken);
        var found = new List<(string Domain, string Codes)>();
        foreach (var domain in domains)
        {
            found.Add((domain.Name, string.Join(", ", (await running.FindingsAsync(domain.Name)).Order(StringComparer.Ordinal))));
        }

        Assert.Equal(domains.Select(domain => (domain.Name, string.Join(", ", domain.Expected))), found);
    }
}
