using System.Text.Json;
using System.Text.Json.Serialization;
using Azure.Storage.Queues;

namespace StsFunctions.Domains;

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

/// <summary>The <c>domain-checks</c> queue. Whoever changes a domain puts a message here first: handling it finishes what a kill left undone.</summary>
internal sealed class CheckQueue(QueueServiceClient queues)
{
    private readonly QueueClient _queue = queues.GetQueueClient(StorageLayout.ChecksQueue);

    public Task SendAsync(CheckRequest request, TimeSpan delay, CancellationToken cancellation) =>
        _queue.SendMessageAsync(JsonSerializer.Serialize(request, CheckRequestJson.Default.CheckRequest), delay, cancellationToken: cancellation);
}
