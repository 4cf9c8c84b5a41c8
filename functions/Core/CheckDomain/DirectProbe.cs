using System.Net;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>
/// Looks itself: with a session as senders make it, again where that failed, and once a day with sessions that offer less. These are made one
/// after another, and only with a server whose TLS works: they tell which certificates and versions it has, and never whether it is well.
/// </summary>
internal sealed class DirectProbe(SmtpProbe probe, Repetition repetition, CheckOptions options, TimeProvider time) : IAddressProbe
{
    // So that a session ends by its own time, and says so, before the look's is over.
    private static readonly TimeSpan ToEnd = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan NarrowEvery = TimeSpan.FromDays(1);

    public async Task<AddressLook> LookAsync(string mxHost, IPAddress address, RoundLook look, AddressLook? before, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(options.LookTimeout, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        // Where there is no time for the repetition, what came before it stands.
        SmtpSession? last = null;
        var began = time.GetTimestamp();
        var session = await OrNullAsync(() => repetition.RunAsync(async () => last = await probe.LookAsync(mxHost, address, TlsOffer.Default, TimeoutAfter(last, began), limit.Token), MayPass, limit.Token), cancellation)
            ?? last
            ?? new SmtpSession(address.ToString(), SmtpOutcome.OutOfTime);

        var now = time.GetUtcNow();
        if (before is { NarrowAt: { } made } && ClockSkew.IsWithin(made, NarrowEvery, now))
        {
            return new AddressLook(session, before.Narrow, made);
        }

        if (session.Tls is null)
        {
            return new AddressLook(session, Narrow: []);
        }

        var narrow = new List<SmtpSession>();
        foreach (var offer in SmtpProbe.NarrowOffers)
        {
            if (await OrNullAsync(() => probe.LookAsync(mxHost, address, offer, limit.Token), cancellation) is { } seen)
            {
                narrow.Add(seen);
            }
        }

        return new AddressLook(session, narrow, now);
    }

    // A server that was slower than a session's time gets all that this look has left: narrow sessions would be as slow.
    private TimeSpan TimeoutAfter(SmtpSession? last, long began) =>
        last is { Outcome: SmtpOutcome.SessionTimedOut } && options.LookTimeout - time.GetElapsedTime(began) - ToEnd is var left && left > options.SessionTimeout ? left : options.SessionTimeout;

    private static bool MayPass(SmtpSession session) => session.Outcome
        is SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.BrokenOff or SmtpOutcome.SessionTimedOut or SmtpOutcome.Turned or SmtpOutcome.TlsFailed;

    // Null: the look's own time is over.
    private static async Task<SmtpSession?> OrNullAsync(Func<Task<SmtpSession>> look, CancellationToken cancellation)
    {
        try
        {
            return await look();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }
}
