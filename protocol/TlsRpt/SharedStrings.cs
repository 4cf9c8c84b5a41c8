using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>One string for each text that comes again: a report repeats the same hosts and types thousands of times.</summary>
internal sealed class SharedStrings
{
    private const int MaxCount = 1_024;
    private const int MaxLength = 128;

    private readonly HashSet<string> _strings = new(StringComparer.Ordinal);

    /// <summary>The reader's text.</summary>
    /// <exception cref="InvalidOperationException">The text is not valid Unicode.</exception>
    public string Take(ref Utf8JsonReader reader)
    {
        if (reader.ValueSpan.Length > MaxLength)
        {
            return reader.GetString()!;
        }

        Span<char> copy = stackalloc char[MaxLength];
        var text = copy[..reader.CopyString(copy)];
        var known = _strings.GetAlternateLookup<ReadOnlySpan<char>>();
        if (known.TryGetValue(text, out var shared))
        {
            return shared;
        }

        var fresh = text.ToString();
        if (_strings.Count < MaxCount)
        {
            _strings.Add(fresh);
        }

        return fresh;
    }
}
