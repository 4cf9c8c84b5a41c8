using System.Text.Json;

namespace StsFunctions.Hosting;

/// <summary>The body of an invocation is not what the Functions host sends.</summary>
internal sealed class InvocationFormatException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>
/// Reads what the Functions host posts for a timer, a queue message or an event: <c>{"Data":{…},"Metadata":{…}}</c>.
/// Metadata is never read: a message's own properties overwrite it.
/// </summary>
internal static class HostInvocation
{
    /// <summary>Storage messages are at most 64 KiB; JSON in JSON in JSON grows them severalfold.</summary>
    public const int MaxBytes = 1 << 20;

    private const int MaxDepth = 64;

    /// <summary>The text of a queue message: a JSON string that itself holds a JSON value, so it is parsed twice.</summary>
    /// <exception cref="InvocationFormatException">The body is something else.</exception>
    public static string QueueText(ReadOnlyMemory<byte> body, string binding)
    {
        using var invocation = Parse(body);
        var outer = Data(invocation, binding);
        if (outer.ValueKind != JsonValueKind.String)
        {
            throw new InvocationFormatException($"Data.{binding} is {outer.ValueKind}, not a string: is the function's trigger a queue?");
        }

        using var inner = Parse(System.Text.Encoding.UTF8.GetBytes(outer.GetString()!));
        return inner.RootElement.ValueKind == JsonValueKind.String
            ? inner.RootElement.GetString()!
            : inner.RootElement.GetRawText();
    }

    /// <summary>Whether a timer fires late, after the host was not running when it was due.</summary>
    /// <exception cref="InvocationFormatException">The body is something else.</exception>
    public static bool TimerIsPastDue(ReadOnlyMemory<byte> body, string binding)
    {
        using var invocation = Parse(body);
        var timer = Data(invocation, binding);
        return timer.ValueKind == JsonValueKind.Object
            && timer.TryGetProperty("IsPastDue", out var pastDue)
            ? pastDue.ValueKind == JsonValueKind.True
            : throw new InvocationFormatException($"Data.{binding} has no IsPastDue: is the function's trigger a timer?");
    }

    private static JsonElement Data(JsonDocument invocation, string binding) =>
        invocation.RootElement.ValueKind == JsonValueKind.Object
        && invocation.RootElement.TryGetProperty("Data", out var data)
        && data.ValueKind == JsonValueKind.Object
        && data.TryGetProperty(binding, out var value)
            ? value
            : throw new InvocationFormatException($"There is no Data.{binding}: the binding's name in function.json must be \"{binding}\".");

    private static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth });
        }
        catch (JsonException e)
        {
            throw new InvocationFormatException($"The invocation is not JSON: {e.Message}", e);
        }
    }
}
