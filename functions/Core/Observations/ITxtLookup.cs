namespace StsFunctions.Core.Observations;

/// <summary>Looks up TXT records.</summary>
internal interface ITxtLookup
{
    /// <summary>The TXT records at a name, the character-strings of each joined; empty where there are none.</summary>
    /// <exception cref="DnsLookupException">DNS does not say whether there are any.</exception>
    Task<IReadOnlyList<string>> TextsAsync(string name, CancellationToken cancellationToken);
}
