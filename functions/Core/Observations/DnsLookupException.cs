namespace StsFunctions.Core.Observations;

/// <summary>A question to DNS that has no answer that can be read. The message fits into a finding: the library's own carries the whole packet.</summary>
internal sealed class DnsLookupException : Exception
{
    public DnsLookupException(string message, bool isTimeout = false, Exception? cause = null)
        : base(message, cause) => IsTimeout = isTimeout;

    /// <summary>Whether no answer came in time; otherwise one came that is an error or does not parse, or the question could not be put.</summary>
    public bool IsTimeout { get; }
}
