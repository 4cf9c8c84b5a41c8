using System.Net;
using StsFunctions.Core.Observations;
using StsFunctions.Storage.Probes;

namespace StsFunctions.UseCases.Checks;

/// <summary>
/// This instance's cache of recent shared probe results, so that a thousand domains behind one provider do not each read
/// them from storage. It holds only answered probes: a probe agent may replace an unanswered one at any time.
/// </summary>
internal sealed class RecentProbes(TimeProvider time)
{
    // Certificate chains are most of the size. A result has about 20 KiB; a hostile one is limited by its row.
    private const int MaxBytes = 16 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Host, IPAddress Address), Recent> _probes = [];
    private int _bytes;

    /// <summary>Finds a result that this attempt may use; null if there is none.</summary>
    public MxProbeResult? Find(string mxHost, IPAddress address, CheckAttempt attempt)
    {
        lock (_gate)
        {
            return _probes.TryGetValue((mxHost, address), out var recent) && MxHostStore.Serves(recent.CheckRun, recent.At, attempt.Key, attempt.MaxAge, time.GetUtcNow()) ? recent.Result : null;
        }
    }

    /// <summary>Adds a shared result.</summary>
    /// <param name="mxHost">The MX host.</param>
    /// <param name="address">Its address.</param>
    /// <param name="probe">The result.</param>
    /// <param name="checkRun">The check run that it was observed for.</param>
    /// <param name="at">When it was observed.</param>
    /// <param name="bytes">The size as JSON.</param>
    public void Note(string mxHost, IPAddress address, MxProbeResult probe, string checkRun, DateTimeOffset at, int bytes)
    {
        if (IsUnanswered(probe))
        {
            return;
        }

        lock (_gate)
        {
            // Clear everything: the next domains read what they need, and few hosts of a check run are shared by many domains.
            if (_bytes + bytes > MaxBytes)
            {
                _probes.Clear();
                _bytes = 0;
            }

            _bytes += bytes - (_probes.TryGetValue((mxHost, address), out var before) ? before.Bytes : 0);
            _probes[(mxHost, address)] = new Recent(probe, checkRun, at, bytes);
        }
    }

    private static bool IsUnanswered(MxProbeResult probe) => probe.Default.Outcome
        is SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionRefused or SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed or SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved;

    private sealed record Recent(MxProbeResult Result, string CheckRun, DateTimeOffset At, int Bytes);
}
