using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Reports;

/// <summary>
/// The key that signs the provenance of raw reports: a row of the operator's partition, created on first use and read once per
/// process. Nobody has to manage it, and a party that may write to a report container (a SAS, a mail provider) cannot read a table.
/// </summary>
internal sealed class ProvenanceKeyStore
{
    private const string Key = "Key";
    private const int KeyBytes = 32;

    private readonly TableClient _table;
    private byte[]? _known;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public ProvenanceKeyStore(TableServiceClient tables) => _table = tables.GetTableClient(StorageNames.DomainsTable);

    /// <summary>Gets the key; it is the same for every process.</summary>
    public async Task<byte[]> GetAsync(CancellationToken cancellationToken) => _known ??= await ReadAsync(cancellationToken) ?? await AddAsync(cancellationToken);

    private async Task<byte[]?> ReadAsync(CancellationToken cancellationToken)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(Installation.Partition, Keys.ProvenanceKey, [Key], cancellationToken);
        return row.HasValue ? row.Value!.GetBinary(Key) : null;
    }

    private async Task<byte[]> AddAsync(CancellationToken cancellationToken)
    {
        var key = RandomNumberGenerator.GetBytes(KeyBytes);
        try
        {
            await _table.AddEntityAsync(new TableEntity(Installation.Partition, Keys.ProvenanceKey) { [Key] = key }, cancellationToken);
            return key;
        }
        catch (RequestFailedException e) when (e.Status == 409)
        {
            // Another process was first, or this one was and the answer was lost: the existing row counts.
            return await ReadAsync(cancellationToken) ?? throw new ConcurrentChangeException(Installation.Partition, e);
        }
    }
}
