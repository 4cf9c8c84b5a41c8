using System.Text.Json;
using System.Text.Json.Serialization;
using StsFunctions.Domains;

namespace StsFunctions.Reports;

/// <summary>Asks for raw reports to be read again: one, or all that arrived on some days.</summary>
/// <param name="Type">Tells this message from Event Grid's on the same queue.</param>
/// <param name="Container"><c>reports</c> or <c>reports-quarantine</c>.</param>
/// <param name="Id">The one; null for all of the days.</param>
/// <param name="From">The first day of arrival.</param>
/// <param name="To">The last.</param>
internal sealed record ReprocessRequest(string Type, string Container, string? Id, DateOnly? From, DateOnly? To)
{
    /// <summary>This message's type.</summary>
    public const string MessageType = "StsFunctions.Reprocess";

    /// <summary>Where raw reports lie that were read, or could not be.</summary>
    public static IReadOnlyList<string> Containers { get; } = [StorageLayout.ReportsContainer, StorageLayout.QuarantineContainer];

    /// <summary>Whether what could not be read is to be read again.</summary>
    [JsonIgnore]
    public bool IsQuarantine => Container == StorageLayout.QuarantineContainer;

    /// <summary>The one raw report; null for all of the days.</summary>
    [JsonIgnore]
    public RawReportId? RawReport => RawReportId.TryParse(Id, out var id) ? id : null;

    /// <summary>One raw report.</summary>
    public static ReprocessRequest One(string container, RawReportId id) => new(MessageType, container, id.Value, null, null);

    /// <summary>All that arrived on some days.</summary>
    public static ReprocessRequest Days(string container, DateOnly from, DateOnly to) => new(MessageType, container, null, from, to);

    /// <summary>The message.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReprocessRequestJson.Default.ReprocessRequest);

    /// <summary>Reads <see cref="ToJson"/>'s message; null where the message is another.</summary>
    public static ReprocessRequest? FromJson(string message)
    {
        try
        {
            var read = JsonSerializer.Deserialize(message, ReprocessRequestJson.Default.ReprocessRequest);
            return read is { Type: MessageType } && Containers.Contains(read.Container) && (read.Id is null ? read.From is not null && read.To is not null : read.RawReport is not null) ? read : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSerializable(typeof(ReprocessRequest))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class ReprocessRequestJson : JsonSerializerContext;
