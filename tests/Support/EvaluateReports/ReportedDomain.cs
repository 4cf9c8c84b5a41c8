using StsFunctions.Core.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.EvaluateReports;

/// <summary>A hosted domain that senders report on: its policy applies nothing, and a raw report is stored as <c>raw</c>.</summary>
internal static class ReportedDomain
{
    public static readonly DomainName Name = DomainName.Parse("example.com");

    /// <summary>A storage account that hosts it.</summary>
    public static async Task<TestStorage> HostAsync(AzuriteFixture azurite)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Name, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, cancellation);
        await storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient("raw").UploadAsync(new BinaryData("{}"), cancellation);
        return storage;
    }
}
