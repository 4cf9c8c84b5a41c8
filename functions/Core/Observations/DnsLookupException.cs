namespace StsFunctions.Core.Observations;

/// <summary>A question to DNS that has no answer that can be read. The message fits into a finding: the library's own carries the whole packet.</summary>
internal sealed class DnsLookupException : Exception
{
    public DnsLookupException(string message, bool isTimeout = false, Exception? cause = null)
        : base(message, cause) => IsTimeout = isTimeout;

    /// <summary>Whether the time-out was reached; otherwise the answer is an error or does not parse, or the question could not be sent.</summary>
    public bool IsTimeout { get; }
}
