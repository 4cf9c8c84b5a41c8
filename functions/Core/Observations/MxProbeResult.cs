using System.Text.Json;

namespace StsFunctions.Core.Observations;

/// <summary>What was seen at one address of an MX host.</summary>
/// <param name="Default">The session as a default client makes it, which alone decides whether the server is well.</param>
/// <param name="Restricted">Sessions that offered less, once a day; they add facts. Empty where none was made.</param>
/// <param name="RestrictedAt">When these were made; they stay for the day's other looks.</param>
/// <param name="Agent">The name of the probe agent that looked; null where this app itself did.</param>
internal sealed record MxProbeResult(SmtpSession Default, IReadOnlyList<SmtpSession> Restricted, DateTimeOffset? RestrictedAt = null, string? Agent = null)
{
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ObservationJson.Default.MxProbeResult);

    /// <summary>Reads what <see cref="ToJson"/> wrote; null where an earlier version of the app wrote something else.</summary>
    public static MxProbeResult? FromJson(byte[] json)
    {
        try
        {
            var probe = JsonSerializer.Deserialize(json, ObservationJson.Default.MxProbeResult);
            return probe is { Default: not null, Restricted: not null } ? probe : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
