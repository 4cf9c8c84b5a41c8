using System.Globalization;
using System.Text.Json;

namespace StsFunctions.Core.Reports;

/// <summary>What a check of our own observed of the policy host.</summary>
/// <param name="At">When the check ran.</param>
/// <param name="Fetch">How the fetch of the policy ended, as the observation names it; null where that check fetched no policy.</param>
/// <param name="Status">The HTTP status, if there was one.</param>
internal sealed record OwnObservation(DateTimeOffset At, string? Fetch, int? Status)
{
    /// <summary>The observation in words, to compare with a sender's report of the same time.</summary>
    public string Words => Fetch is null
        ? string.Create(CultureInfo.InvariantCulture, $"this app's check nearest to that time, {At.UtcDateTime:yyyy-MM-dd HH:mm} UTC, did not fetch the policy")
        : string.Create(CultureInfo.InvariantCulture, $"this app's check nearest to that time, {At.UtcDateTime:yyyy-MM-dd HH:mm} UTC, observed: {Fetch}{(Status is { } status ? $" (HTTP {status})" : "")}");

    /// <summary>Reads the result of the fetch from a stored observation of any version; a missing member was not observed.</summary>
    public static OwnObservation Read(DateTimeOffset at, ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Member(document.RootElement, "policyHost") is { } host && Member(host, "fetch") is { } fetch
                && Member(fetch, "outcome") is { ValueKind: JsonValueKind.String } outcome
                ? new OwnObservation(at, outcome.GetString(), Member(fetch, "status") is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var status) ? status : null)
                : new OwnObservation(at, null, null);
        }
        catch (JsonException)
        {
            return new OwnObservation(at, null, null);
        }
    }

    private static JsonElement? Member(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var member) ? member : null;
}
