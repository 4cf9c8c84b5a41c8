using System.Text.Json;

namespace StsFunctions.CheckDomain;

/// <summary>What was seen at one address of an MX host.</summary>
/// <param name="Session">The session as a default client makes it, which alone decides whether the server is well.</param>
/// <param name="Narrow">Sessions that offered less, once a day; they add facts. Empty where none was made.</param>
/// <param name="NarrowAt">When these were made; they stay for the day's other looks.</param>
/// <param name="Agent">The name of the probe agent that looked; null where this app itself did.</param>
internal sealed record AddressLook(SmtpSession Session, IReadOnlyList<SmtpSession> Narrow, DateTimeOffset? NarrowAt = null, string? Agent = null)
{
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ObservationJson.Default.AddressLook);

    /// <summary>Reads what <see cref="ToJson"/> wrote; null where an earlier version of the app wrote something else.</summary>
    public static AddressLook? FromJson(byte[] json)
    {
        try
        {
            var look = JsonSerializer.Deserialize(json, ObservationJson.Default.AddressLook);
            return look is { Session: not null, Narrow: not null } ? look : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
