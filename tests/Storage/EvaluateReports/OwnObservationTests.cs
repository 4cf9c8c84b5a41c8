using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Reports;
using Xunit;

namespace StsFunctions.Tests.EvaluateReports;

/// <summary>The app's own observations, beside the reports of a sender.</summary>
public sealed class OwnObservationTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("""{"policyHost":{"fetch":{"outcome":"fetched","status":200}}}""", "fetched", 200)]
    [InlineData("""{"policyHost":{"fetch":{"outcome":"timedOut"}}}""", "timedOut", null)]
    [InlineData("""{"policyHost":{"fetch":{"outcome":"fetched","status":"200"}}}""", "fetched", null)]
    [InlineData("""{"policyHost":{"fetch":{"outcome":7}}}""", null, null)]
    [InlineData("""{"policyHost":{"fetch":null}}""", null, null)]
    [InlineData("""{"policyHost":[]}""", null, null)]
    [InlineData("""{"version":1}""", null, null)]
    [InlineData("[]", null, null)]
    [InlineData("no JSON", null, null)]
    public void An_observation_of_any_version_is_read_for_what_it_says_of_the_fetch(string json, string? outcome, int? status) =>
        Assert.Equal(new OwnObservation(TestStorage.Noon, outcome, status), OwnObservation.Read(TestStorage.Noon, Samples.Utf8(json)));

    [Theory]
    [InlineData(0, "two")]
    [InlineData(-11, "two")]
    [InlineData(-13, "one")]
    [InlineData(30, "three")]
    [InlineData(61, null)]
    [InlineData(-80, null)]
    public async Task The_observation_nearest_to_a_time_is_found_and_none_that_is_far_from_it(int hours, string? which)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var container = storage.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer);
        foreach (var (name, at) in (IEnumerable<(string, int)>)[("one", -24), ("two", 0), ("three", 24)])
        {
            await container.GetBlobClient($"{Domain}/{Keys.InvertedTimestamp(TestStorage.Noon.AddHours(at))}").UploadAsync(
                new BinaryData("""{"policyHost":{"fetch":{"outcome":"NAME"}}}""".Replace("NAME", name, StringComparison.Ordinal)), Cancellation);
        }

        await container.GetBlobClient($"{Domain}/not-a-time").UploadAsync(new BinaryData("{}"), Cancellation);
        await container.GetBlobClient($"example.com.other/{Keys.InvertedTimestamp(TestStorage.Noon.AddHours(hours))}").UploadAsync(new BinaryData("{}"), Cancellation);

        Assert.Equal(which, (await new OwnObservationReader(storage.Blobs).NearestAsync(Domain, TestStorage.Noon.AddHours(hours), Cancellation))?.Fetch);
    }
}
