using DnsClient;

namespace StsFunctions.Outgoing;

/// <summary>A question to DNS that has no answer that can be read. The message fits into a finding: the library's own carries the whole packet.</summary>
internal sealed class DnsLookupException : Exception
{
    public DnsLookupException(string message, bool isTimeout = false, Exception? cause = null)
        : base(message, cause) => IsTimeout = isTimeout;

    /// <summary>Whether no answer came in time; otherwise one came that is an error or does not parse, or the question could not be put.</summary>
    public bool IsTimeout { get; }

    /// <summary>
    /// The same for whatever the DNS library threw. It has no common base for its failures, and what a hostile answer makes
    /// it throw is not a closed list, so nothing is left out.
    /// </summary>
    public static DnsLookupException Of(Exception cause) => cause switch
    {
        DnsLookupException known => known,
        DnsResponseParseException => new("the answer does not parse", cause: cause),
        DnsXidMismatchException => new("the answer has the id of another question", cause: cause),
        DnsResponseException { Code: DnsResponseCode.ConnectionTimeout } => new(OneLine(cause.Message), isTimeout: true, cause),
        DnsResponseException or IOException or System.Net.Sockets.SocketException or InvalidOperationException or ArgumentException => new(OneLine(cause.Message), cause: cause),
        _ => new($"the answer cannot be read ({cause.GetType().Name})", cause: cause),
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
