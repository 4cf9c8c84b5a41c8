using System.Globalization;
using StsFunctions.Local.Azurite;
using Xunit;

namespace StsFunctions.Tests;

/// <summary>One Azurite for all tests that ask for it, in memory, started by the first.</summary>
public sealed class AzuriteFixture : IAsyncDisposable
{
    private const string SharedAccount = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private const int OwnAccounts = 1_000;

    private readonly Lazy<Task<AzuriteServer>> _azurite = new(StartAsync);
    private int _lastAccount;

    /// <summary>The account that all share: each test uses names of its own.</summary>
    public async Task<string> ConnectionStringAsync() => (await _azurite.Value).ConnectionString;

    /// <summary>An account that no other test has: for tests of code that reads everything.</summary>
    public async Task<string> OwnAccountAsync()
    {
        var number = Interlocked.Increment(ref _lastAccount);
        Assert.True(number <= OwnAccounts, $"Raise {nameof(OwnAccounts)}: each test takes one.");
        return (await ConnectionStringAsync()).Replace(SharedAccount, Account(number), StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_azurite.IsValueCreated)
        {
            await (await _azurite.Value).DisposeAsync();
        }
    }

    private static Task<AzuriteServer> StartAsync()
    {
        // Azurite inherits it; one that another test starts for itself finds the shared account in it too.
        var accounts = Enumerable.Range(1, OwnAccounts).Select(Account).Prepend(SharedAccount);
        Environment.SetEnvironmentVariable("AZURITE_ACCOUNTS", string.Join(';', accounts.Select(account => $"{account}:{Key}")));
        return AzuriteServer.StartAsync(new AzuriteOptions(), null, CancellationToken.None);
    }

    private static string Account(int number) => string.Create(CultureInfo.InvariantCulture, $"test{number:d4}");
}
