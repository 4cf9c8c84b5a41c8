using System.Text;

namespace StsFunctions.Local.Lab;

/// <summary>How a policy host answers. The default has no fault.</summary>
public sealed record PolicyScript
{
    /// <summary>The largest policy that a sender needs to read (RFC 8461 §3.2).</summary>
    public const int LargestPolicy = 64 << 10;

    private const long Flood = 256 << 20;

    /// <summary>A policy host without a fault.</summary>
    public static PolicyScript Good { get; } = new();

    /// <summary>A body one byte longer than a sender needs to read, otherwise without a fault.</summary>
    public static PolicyScript Oversize { get; } = new() { PaddedTo = LargestPolicy + 1 };

    /// <summary>A body almost without end, otherwise without a fault.</summary>
    public static PolicyScript Floods { get; } = new() { PaddedTo = Flood };

    /// <summary>A host with another policy than the domain's.</summary>
    public static PolicyScript Differs { get; } = new() { Body = "version: STSv1\r\nmode: testing\r\nmx: mx.somewhere-else.example\r\nmax_age: 86400\r\n" };

    /// <summary>A host that never answers.</summary>
    public static PolicyScript Silent { get; } = new() { FirstByteAfter = Timeout.InfiniteTimeSpan };

    /// <summary>The status.</summary>
    public int Status { get; init; } = 200;

    /// <summary>Where a status of 3xx leads; null leads to a good copy of the policy at another host.</summary>
    public string? Location { get; init; }

    /// <summary>The media type; null sends none.</summary>
    public string? MediaType { get; init; } = "text/plain; charset=utf-8";

    /// <summary>The body, for any status; null sends the domain's policy.</summary>
    public string? Body { get; init; }

    /// <summary>
    /// The length in bytes to which unknown fields extend the body; it remains a valid policy (RFC 8461
    /// §3.2). The response then has no Content-Length.
    /// </summary>
    public long PaddedTo { get; init; }

    /// <summary>The delay before the response; infinite: as long as the client waits, at most five minutes.</summary>
    public TimeSpan FirstByteAfter { get; init; }

    /// <summary>How long it waits before each byte of the body.</summary>
    public TimeSpan BetweenBytes { get; init; }

    /// <summary>Closes the connection in the middle of the body.</summary>
    public bool CutsOff { get; init; }

    /// <summary>A host that redirects its clients, which must not follow (RFC 8461 §3.3).</summary>
    public static PolicyScript Redirects(int status) => new() { Status = status };

    /// <summary>A host that answers with this status and a valid policy.</summary>
    public static PolicyScript Answers(int status) => new() { Status = status };

    /// <summary>A slow host: a delay before the first byte and before each further byte.</summary>
    public static PolicyScript Slow(TimeSpan firstByteAfter, TimeSpan betweenBytes) => new() { FirstByteAfter = firstByteAfter, BetweenBytes = betweenBytes };

    /// <summary>The body's bytes; lines are ended by CRLF, as the app ends them.</summary>
    internal byte[] BytesOf(string policy) => Encoding.UTF8.GetBytes(Body ?? policy.ReplaceLineEndings("\r\n"));
}
