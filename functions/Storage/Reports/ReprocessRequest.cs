using System.Text.Json;
using System.Text.Json.Serialization;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;

namespace StsFunctions.Storage.Reports;

/// <summary>Requests that raw reports are read again: one, or all that arrived in a range of days.</summary>
/// <param name="Type">Distinguishes this message from Event Grid's in the same queue.</param>
/// <param name="Container"><c>reports</c> or <c>reports-quarantine</c>.</param>
/// <param name="Id">The raw report; null for all of the days.</param>
/// <param name="From">The first day of arrival.</param>
/// <param name="To">The last day of arrival.</param>
internal sealed record ReprocessRequest(string Type, string Container, string? Id, DateOnly? From, DateOnly? To)
{
    /// <summary>This message's type.</summary>
    public const string MessageType = "StsFunctions.Reprocess";

    /// <summary>The container of the raw reports.</summary>
    public static IReadOnlyList<string> Containers { get; } = [StorageNames.ReportsContainer, StorageNames.QuarantineContainer];

    /// <summary>Whether to read quarantined reports again.</summary>
    [JsonIgnore]
    public bool IsQuarantine => Container == StorageNames.QuarantineContainer;

    /// <summary>The raw report; null for all of the days.</summary>
    [JsonIgnore]
    public RawReportId? RawReport => RawReportId.TryParse(Id, out var id) ? id : null;

    /// <summary>Requests one raw report.</summary>
    public static ReprocessRequest One(string container, RawReportId id) => new(MessageType, container, id.Value, null, null);

    /// <summary>Requests all raw reports of a range of days.</summary>
    public static ReprocessRequest Days(string container, DateOnly from, DateOnly to) => new(MessageType, container, null, from, to);

    /// <summary>The message as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReprocessRequestJson.Default.ReprocessRequest);

    /// <summary>Parses the JSON of <see cref="ToJson"/>; null if it is another message.</summary>
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
