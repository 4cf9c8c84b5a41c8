using System.Text.Json;

namespace StsFunctions.Core.Observations;

/// <summary>The result of a probe of one address of an MX host.</summary>
/// <param name="Default">The session of a default client, which alone decides whether the server has a fault.</param>
/// <param name="Restricted">Sessions that offered less, once a day; they add facts. Empty if none was made.</param>
/// <param name="RestrictedAt">When these were made; the other probes of the day retain them.</param>
/// <param name="Agent">The name of the probe agent; null if this app made the probe.</param>
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
