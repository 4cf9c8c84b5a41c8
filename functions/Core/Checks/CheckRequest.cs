using System.Text.Json.Serialization;

namespace StsFunctions.Core.Checks;

/// <summary>Asks for one attempt at checking one domain.</summary>
/// <param name="Domain">The domain, as A-labels.</param>
/// <param name="CheckRun">The check run that it belongs to.</param>
/// <param name="Attempt">The attempt: the second and the ones after it confirm what the first found.</param>
internal sealed record CheckRequest(string Domain, string CheckRun, int Attempt = 1)
{
    /// <summary>In place of an attempt's number: the last attempt once more, with what probe agents have observed since.</summary>
    public const int Recheck = 0;
}

[JsonSerializable(typeof(CheckRequest))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class CheckRequestJson : JsonSerializerContext;
