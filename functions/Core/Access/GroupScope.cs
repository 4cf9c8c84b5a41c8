namespace StsFunctions.Core.Access;

/// <summary>The groups that a caller may see: every group, or those named.</summary>
internal sealed class GroupScope
{
    private readonly HashSet<string>? _names;

    private GroupScope(HashSet<string>? names) => _names = names;

    /// <summary>No limit.</summary>
    public static GroupScope Every { get; } = new(null);

    /// <summary>These and no other, spelt exactly so; none at all where none is named.</summary>
    public static GroupScope Of(IEnumerable<string> names) => new(names.ToHashSet(StringComparer.Ordinal));

    /// <summary>Whether there is no limit.</summary>
    public bool IsEvery => _names is null;

    /// <summary>Whether the caller may see no group.</summary>
    public bool IsNone => _names is { Count: 0 };

    /// <summary>Whether the caller may see a group.</summary>
    public bool Include(string group) => _names?.Contains(group) ?? true;
}
