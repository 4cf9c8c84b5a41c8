using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Rules;
using StsFunctions.Core.Time;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;

namespace StsFunctions.UseCases.Checks;

/// <summary>Records in the operator's partition whether port 25 is open: that concerns the installation, not the domain that happened to be checked (MX-7).</summary>
internal sealed class NetworkRecorder(DomainStore domains, FindingRecorder recorder, TimeProvider time)
{
    // While port 25 is blocked, every check reports it. An instance records the same state only once in this time.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private volatile Recorded? _recorded;

    /// <summary>Records whether a check found port 25 open, unless this instance has just recorded the same.</summary>
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

        IReadOnlyList<Finding> found = isOpen ? [] : [NetworkFindings.OutboundSmtpBlocked];
        try
        {
            var partition = await domains.ReadAsync(Installation.Partition, cancellationToken);
            // Use the time of the check: within a check run, one domain's check may find the port open and another's may find it blocked.
            await recorder.RecordAsync(partition, FindingSource.OutboundNetwork, CheckRunId.Of(checkedAt), checkedAt, found, new HashSet<string>(), record: null, cancellationToken);
            _recorded = new Recorded(isOpen, now);
        }
        catch (ConcurrentChangeException)
        {
            // Another domain's check recorded the state at the same time.
        }
    }

    private sealed record Recorded(bool IsOpen, DateTimeOffset At);
}
