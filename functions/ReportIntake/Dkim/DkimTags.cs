namespace StsFunctions.ReportIntake.Dkim;

/// <summary>A list of tags, in the form of a DKIM signature or key (RFC 6376 §3.2).</summary>
internal sealed class DkimTags
{
    // Only the used tags are stored: a list may have any number.
    private readonly Dictionary<string, string> _values;

    private DkimTags(Dictionary<string, string> values) => _values = values;

    /// <summary>A tag's value, without surrounding and folding white space; null if there is none.</summary>
    public string? this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Parses a list; null if it is not valid, or names a tag twice, which makes all of it void.</summary>
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
