namespace StsFunctions.Protocol.TlsRpt;

/// <summary>What senders write for an address or a host that they do not know.</summary>
internal static class PlaceholderValues
{
    private static readonly HashSet<string> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        "-", "--", ".", "?", "*", "n/a", "na", "none", "null", "nil", "unknown", "undefined", "(null)", "(none)", "<none>", "0", "0.0.0.0", "::",
    };

    private static readonly int Longest = Known.Max(text => text.Length);

    public static bool Contains(string text) => text.Length <= Longest ? Known.Contains(text) || string.IsNullOrWhiteSpace(text) : string.IsNullOrWhiteSpace(text);
}
