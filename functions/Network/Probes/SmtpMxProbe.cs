using System.Net;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Time;

namespace StsFunctions.Network.Probes;

/// <summary>
/// Probes directly: one session as senders make it, a retry if it failed, and once a day sessions that offer less. The latter run one
/// after another, and only with a server whose TLS works: they show its certificates and versions, never whether it is healthy.
/// </summary>
internal sealed class SmtpMxProbe(SmtpProbe probe, Retry repetition, CheckOptions options, TimeProvider time) : IMxProbe
{
    // A session ends by its own time limit, and reports it, before the probe's ends.
    private static readonly TimeSpan EndReserve = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RestrictedInterval = TimeSpan.FromDays(1);

    public async Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(options.ProbeTimeout, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        // If there is no time for the retry, the first result counts.
        SmtpSession? last = null;
        var began = time.GetTimestamp();
        var session = await OrNullAsync(() => repetition.RunAsync(async () => last = await probe.ProbeAsync(mxHost, address, TlsOffer.Default, TimeoutAfter(last, began), limit.Token), IsTransient, limit.Token), cancellationToken)
            ?? last
            ?? new SmtpSession(address.ToString(), SmtpOutcome.DeadlineExceeded);

        var now = time.GetUtcNow();
        if (before is { RestrictedAt: { } made } && ClockSkew.IsWithin(made, RestrictedInterval, now))
        {
            return new MxProbeResult(session, before.Restricted, made);
        }

        if (session.Tls is null)
        {
            return new MxProbeResult(session, Restricted: []);
        }

        var restricted = new List<SmtpSession>();
        foreach (var offer in SmtpProbe.RestrictedOffers)
        {
            if (await OrNullAsync(() => probe.ProbeAsync(mxHost, address, offer, limit.Token), cancellationToken) is { } additional)
            {
                restricted.Add(additional);
            }
        }

        return new MxProbeResult(session, restricted, now);
    }

    // A server slower than a session's time limit uses all remaining time: restricted sessions would be as slow.
    private TimeSpan TimeoutAfter(SmtpSession? last, long began) =>
        last is { Outcome: SmtpOutcome.SessionTimedOut } && options.ProbeTimeout - time.GetElapsedTime(began) - EndReserve is var left && left > options.SessionTimeout ? left : options.SessionTimeout;

    private static bool IsTransient(SmtpSession session) => session.Outcome
        is SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionDropped or SmtpOutcome.SessionTimedOut or SmtpOutcome.Rejected or SmtpOutcome.TlsFailed;

    // Null: the probe's time limit is reached.
    private static async Task<SmtpSession?> OrNullAsync(Func<Task<SmtpSession>> probeAsync, CancellationToken cancellationToken)
    {
        try
        {
            return await probeAsync();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
