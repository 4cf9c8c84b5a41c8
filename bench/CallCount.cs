using Azure.Core;
using Azure.Core.Pipeline;

namespace StsFunctions.Bench;

/// <summary>Counts the calls that storage clients make.</summary>
internal sealed class CallCount : HttpPipelinePolicy
{
    private int _calls;

    /// <summary>The number since the last query.</summary>
    public int Take() => Interlocked.Exchange(ref _calls, 0);

    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        Interlocked.Increment(ref _calls);
        ProcessNext(message, pipeline);
    }

    public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        Interlocked.Increment(ref _calls);
        return ProcessNextAsync(message, pipeline);
    }
}
