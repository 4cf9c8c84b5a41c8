using Azure.Core;
using Azure.Core.Pipeline;

namespace StsFunctions.Domains;

/// <summary>Tries a storage call again, soon and a few times; where storage asks to wait for long, the failure is told instead, and the queue tries again.</summary>
internal sealed class PromptRetry(int maxRetries) : RetryPolicy(maxRetries, DelayStrategy.CreateExponentialDelayStrategy(FirstDelay, LongestDelay))
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    // The client itself would sleep for as long as Retry-After says.
    private static readonly TimeSpan LongestWish = TimeSpan.FromSeconds(5);

    protected override bool ShouldRetry(HttpMessage message, Exception? exception) => !AsksForLonger(message, exception) && base.ShouldRetry(message, exception);

    protected override ValueTask<bool> ShouldRetryAsync(HttpMessage message, Exception? exception) =>
        AsksForLonger(message, exception) ? ValueTask.FromResult(false) : base.ShouldRetryAsync(message, exception);

    private static bool AsksForLonger(HttpMessage message, Exception? exception) =>
        exception is null && message.HasResponse && WishOf(message.Response.Headers) > LongestWish;

    private static TimeSpan WishOf(ResponseHeaders headers)
    {
        foreach (var name in (string[])["retry-after-ms", "x-ms-retry-after-ms"])
        {
            if (headers.TryGetValue(name, out var text) && int.TryParse(text, out var milliseconds))
            {
                return TimeSpan.FromMilliseconds(milliseconds);
            }
        }

        return headers.TryGetValue("Retry-After", out var wish) && System.Net.Http.Headers.RetryConditionHeaderValue.TryParse(wish, out var parsed)
            ? parsed.Delta ?? (parsed.Date - DateTimeOffset.UtcNow) ?? TimeSpan.Zero
            : TimeSpan.Zero;
    }
}
