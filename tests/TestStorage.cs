using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Domains;
using Xunit;

namespace StsFunctions.Tests;

/// <summary>A storage account with the app's layout, and the app's stores over it, at a time that the test sets.</summary>
internal sealed class TestStorage
{
    public static readonly DateTimeOffset Noon = new(2026, 3, 14, 12, 0, 0, TimeSpan.Zero);

    private TestStorage(string connectionString)
    {
        ConnectionString = connectionString;
        Settings = new StorageSettings(connectionString, null, null);
        (Blobs, Queues, Tables) = (Settings.Blobs(), Settings.Queues(), Settings.Tables());
        Domains = new DomainStore(Tables);
        Policies = new PolicyBlobs(Blobs);
        Reports = new ReportStore(Tables);
        Fleet = new FleetStore(Tables, Domains, Reports, Time);
        Publisher = new PolicyPublisher(Domains, Policies, Fleet, new CheckQueue(Queues), Serving, Time);
        Ledger = new FindingLedger(Domains);
    }

    public string ConnectionString { get; }

    public FakeTimeProvider Time { get; } = new(Noon);

    public ServingSettings Serving { get; } = new(CacheTime: TimeSpan.FromSeconds(30), MaxStale: TimeSpan.FromHours(24));

    public StorageSettings Settings { get; }

    public BlobServiceClient Blobs { get; }

    public QueueServiceClient Queues { get; }

    public TableServiceClient Tables { get; }

    public DomainStore Domains { get; }

    public PolicyBlobs Policies { get; }

    public ReportStore Reports { get; }

    public FleetStore Fleet { get; }

    public PolicyPublisher Publisher { get; }

    public FindingLedger Ledger { get; }

    public static async Task<TestStorage> CreateAsync(AzuriteFixture azurite)
    {
        var storage = new TestStorage(await azurite.OwnAccountAsync());
        await StorageLayout.EnsureAsync(storage.Blobs, storage.Queues, storage.Tables, TestContext.Current.CancellationToken);
        return storage;
    }
}
