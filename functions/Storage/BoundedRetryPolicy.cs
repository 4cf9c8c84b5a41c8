using System.Globalization;
using Azure.Core;
using Azure.Core.Pipeline;

namespace StsFunctions.Storage;

/// <summary>Retries a call of an Azure service soon and a few times. If the service asks for a long wait, the call fails and the caller retries later.</summary>
/// <param name="maxRetries">How often to retry after the first attempt.</param>
/// <param name="longestWait">The longest wait that the service may request; by default 5 seconds.</param>
/// <param name="time">The clock that a date in <c>Retry-After</c> is compared with; by default the system's.</param>
internal sealed class BoundedRetryPolicy(int maxRetries, TimeSpan? longestWait = null, TimeProvider? time = null) : RetryPolicy(maxRetries, DelayStrategy.CreateExponentialDelayStrategy(FirstDelay, LongestDelay))
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(2);

    // Azure.Core itself would wait for the whole Retry-After, even beyond its own maximum delay.
    private readonly TimeSpan _longestWait = longestWait ?? TimeSpan.FromSeconds(5);

    protected override bool ShouldRetry(HttpMessage message, Exception? exception) => !AsksForLonger(message, exception) && base.ShouldRetry(message, exception);

    protected override ValueTask<bool> ShouldRetryAsync(HttpMessage message, Exception? exception) =>
        AsksForLonger(message, exception) ? ValueTask.FromResult(false) : base.ShouldRetryAsync(message, exception);

    private bool AsksForLonger(HttpMessage message, Exception? exception) =>
        exception is null && message.HasResponse && WaitOf(message.Response.Headers) > _longestWait;

    private TimeSpan WaitOf(ResponseHeaders headers)
    {
        foreach (var name in (string[])["retry-after-ms", "x-ms-retry-after-ms"])
        {
            if (headers.TryGetValue(name, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
            {
                return TimeSpan.FromMilliseconds(milliseconds);
            }
        }

        return headers.TryGetValue("Retry-After", out var value) && System.Net.Http.Headers.RetryConditionHeaderValue.TryParse(value, out var parsed)
            ? parsed.Delta ?? (parsed.Date - (time ?? TimeProvider.System).GetUtcNow()) ?? TimeSpan.Zero
            : TimeSpan.Zero;
    }
}
