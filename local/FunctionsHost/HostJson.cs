using System.Text.Json;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Reading host.json and function.json, as lenient as the host is about comments and commas.</summary>
internal static class HostJson
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static JsonDocument Parse(string path)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllText(path), Lenient);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is no valid JSON: {e.Message}", e);
        }
    }

    public static bool TryAt(this JsonElement element, out JsonElement found, params ReadOnlySpan<string> names)
    {
        found = element;
        foreach (var name in names)
        {
            if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(name, out found) || found.ValueKind == JsonValueKind.Null)
            {
                return false;
            }
        }
        return true;
    }

    public static string? Text(this JsonElement element, string name) => element.TryAt(out var found, name) ? found.GetString() : null;

    public static bool Flag(this JsonElement element, string name) => element.TryAt(out var found, name) && found.ValueKind == JsonValueKind.True;

    public static int Number(this JsonElement element, string name, int otherwise) => element.TryAt(out var found, name) ? found.GetInt32() : otherwise;

    public static TimeSpan Duration(this JsonElement element, string name, TimeSpan otherwise) =>
        element.TryAt(out var found, name) ? TimeSpan.Parse(found.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : otherwise;
}
