using DnsClient;
using StsFunctions.Core.Observations;

namespace StsFunctions.Network.Egress;

/// <summary>Converts the failures of the DNS library to the one exception that the app handles.</summary>
internal static class DnsFailures
{
    /// <summary>
    /// Converts any exception of the DNS library to a lookup failure. The library has no common base for its failures, and hostile answers
    /// can cause exceptions that no closed list covers, so every exception is converted.
    /// </summary>
    public static DnsLookupException ToLookupException(Exception cause) => cause switch
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
