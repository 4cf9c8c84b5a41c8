using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>Records in the operator's partition whether port 25 is open: that concerns the installation, not the domain that happened to be checked (MX-7).</summary>
internal sealed class NetworkRecorder(DomainStore domains, FindingLedger ledger, TimeProvider time)
{
    // Where port 25 is blocked, every check says so: for so long an instance need not record the same again.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private volatile Recorded? _recorded;

    /// <summary>Records what a check came to, unless this instance has just recorded the same.</summary>
    /// <param name="isOpen">Whether port 25 is open.</param>
    /// <param name="checkedAt">When the check began.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task RecordAsync(bool isOpen, DateTimeOffset checkedAt, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_recorded is { } last && last.IsOpen == isOpen && ClockSkew.IsWithin(last.At, Remembered, now))
        {
            return;
        }

        IReadOnlyList<Finding> found = isOpen ? [] : [NetworkFindings.Port25Closed];
        try
        {
            var partition = await domains.ReadAsync(Keys.Operator, cancellationToken);
            // Under the check's own time: within a check run one domain's check may find the network open and another's blocked.
            await ledger.RecordAsync(partition, FindingScope.Network, Keys.Round(checkedAt), checkedAt, found, new HashSet<string>(), record: null, cancellationToken);
            _recorded = new Recorded(isOpen, now);
        }
        catch (ConcurrentChangeException)
        {
            // Another domain's check has said the same at the same time.
        }
    }

    private sealed record Recorded(bool IsOpen, DateTimeOffset At);
}
