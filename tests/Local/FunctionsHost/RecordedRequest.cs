namespace StsFunctions.Tests.Local.FunctionsHost;

/// <summary>A request as the handler received it, or as a capture holds it.</summary>
public sealed record RecordedRequest(string Method, string Target, IReadOnlyList<KeyValuePair<string, string>> Headers, string Body)
{
    public string? Header(string name) => Headers.Where(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(h => h.Value).SingleOrDefault();

    public static RecordedRequest Capture(string file)
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Contract", "captures", file)).ReplaceLineEndings("\n");
        var parts = text.Split("\n\n", 2);
        var lines = parts[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var start = lines[0].Split(' ');
        return new RecordedRequest(
            start[0], start[1],
            [.. lines.Skip(1).Select(line => line.Split(": ", 2)).Select(pair => KeyValuePair.Create(pair[0], pair[1]))],
            parts.Length > 1 ? parts[1].TrimEnd('\n') : "");
    }
}
