namespace StsFunctions.Reports;

/// <summary>A list of tags, as a DKIM signature and a DKIM key are written (RFC 6376 §3.2).</summary>
internal sealed class DkimTags
{
    // Ours are looked up, the rest is read over: a list may have any number.
    private readonly Dictionary<string, string> _values;

    private DkimTags(Dictionary<string, string> values) => _values = values;

    /// <summary>A tag's value, without the white space around it and folded within it; null where there is none.</summary>
    public string? this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Reads a list; null when it is none, or names a tag twice (then the whole of it is void).</summary>
    public static DkimTags? TryParse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var tag in text.Split(';'))
        {
            var at = tag.IndexOf('=', StringComparison.Ordinal);
            if (at < 0 ? !string.IsNullOrWhiteSpace(tag) : !values.TryAdd(tag[..at].Trim(), string.Concat(tag[(at + 1)..].Where(c => !char.IsWhiteSpace(c)))))
            {
                return null;
            }
        }

        return new DkimTags(values);
    }
}
