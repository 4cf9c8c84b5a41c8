using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>
/// The key by which the app knows its own words about a raw report again: a row of the operator's partition, made by whoever needs it first, read once a
/// process. Nobody has to manage it, and who may write into a container of reports (a SAS, a mail provider) may not read a table.
/// </summary>
internal sealed class ProvenanceKeyStore
{
    private const string Key = "Key";
    private const int KeyBytes = 32;

    private readonly TableClient _table;
    private byte[]? _known;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public ProvenanceKeyStore(TableServiceClient tables) => _table = tables.GetTableClient(StorageLayout.DomainsTable);

    /// <summary>The key; the same for every process.</summary>
    public async Task<byte[]> GetAsync(CancellationToken cancellation) => _known ??= await ReadAsync(cancellation) ?? await AddAsync(cancellation);

    private async Task<byte[]?> ReadAsync(CancellationToken cancellation)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Operator, Keys.ProvenanceKey, [Key], cancellation);
        return row.HasValue ? row.Value!.GetBinary(Key) : null;
    }

    private async Task<byte[]> AddAsync(CancellationToken cancellation)
    {
        var key = RandomNumberGenerator.GetBytes(KeyBytes);
        try
        {
            await _table.AddEntityAsync(new TableEntity(Keys.Operator, Keys.ProvenanceKey) { [Key] = key }, cancellation);
            return key;
        }
        catch (RequestFailedException e) when (e.Status == 409)
        {
            // Another process was first, or we were, and the answer was lost: the row that is there counts.
            return await ReadAsync(cancellation) ?? throw new ConcurrentChangeException(Keys.Operator, e);
        }
    }
}
