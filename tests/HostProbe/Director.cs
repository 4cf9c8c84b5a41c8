using System.Net.Http.Json;

namespace StsFunctions.Tests.HostProbe;

/// <summary>Reports each call to the test, and gets an instruction from it.</summary>
public sealed class Director : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Uri _test = new(Environment.GetEnvironmentVariable("PROBE_SINK") ?? throw new InvalidOperationException("PROBE_SINK is not set."));

    public void Dispose() => _client.Dispose();

    /// <summary>Asks, and does what needs no more than this process.</summary>
    public async Task<Instruction> AskAsync(FunctionCall call, CancellationToken cancellationToken)
    {
        using var answer = await _client.PostAsJsonAsync(_test, call, CancellationToken.None);
        var instruction = (await answer.Content.ReadFromJsonAsync<Instruction>(CancellationToken.None))!;
        if (instruction.Exit is { } code)
        {
            Environment.Exit(code);
        }

        if (instruction.Throw is { } message)
        {
            throw new InvalidOperationException(message);
        }

        if (instruction.Hang)
        {
            await Task.Delay(Timeout.Infinite, instruction.IgnoreCancel ? CancellationToken.None : cancellationToken);
        }

        return instruction;
    }
}

/// <summary>What a function was called with.</summary>
public sealed record FunctionCall(string Function, string InvocationId)
{
    public string? Method { get; init; }

    public string? Target { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public long Length { get; init; }

    public string? Text { get; init; }

    public IReadOnlyDictionary<string, string?> Data { get; init; } = new Dictionary<string, string?>();
}

/// <summary>What a function is to do.</summary>
public sealed record Instruction
{
    public int Status { get; init; } = 200;

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public string? Body { get; init; }

    /// <summary>An answer of this many bytes, without a Content-Length.</summary>
    public long Chunked { get; init; }

    public int? Exit { get; init; }

    public string? Throw { get; init; }

    public bool Hang { get; init; }

    public bool IgnoreCancel { get; init; }
}
