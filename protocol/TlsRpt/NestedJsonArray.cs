using System.Text;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>A list of strings that was serialized twice: JSON within a JSON string.</summary>
internal static class NestedJsonArray
{
    /// <summary>The list that a text holds, or null where it holds none.</summary>
    public static List<string>? Read(string text, int maxItems)
    {
        if (text.Length < 2 || text[0] != '[' || text[^1] != ']')
        {
            return null;
        }

        try
        {
            var items = new List<string>();
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { MaxDepth = 1 });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.String && items.Count < maxItems)
            {
                items.Add(reader.GetString()!);
            }

            return reader.TokenType == JsonTokenType.EndArray && !reader.Read() ? items : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // It is not a list, so it remains text.
            return null;
        }
    }
}
