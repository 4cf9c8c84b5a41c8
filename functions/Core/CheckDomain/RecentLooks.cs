using System.Net;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>
/// What this instance knows of MX hosts from the looks that it shared lately, so that not each of a thousand domains behind one provider reads
/// them from storage. Only looks that came to an answer are here: what nobody could see, a probe agent may replace at any time.
/// </summary>
internal sealed class RecentLooks(TimeProvider time)
{
    // Chains of certificates are most of it; a look has some 20 KiB, and a hostile one is bounded by its row.
    private const int MaxBytes = 16 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Host, IPAddress Address), Recent> _looks = [];
    private int _bytes;

    /// <summary>The look that will do for this one; null where there is none.</summary>
    public AddressLook? Find(string mxHost, IPAddress address, RoundLook look)
    {
        lock (_gate)
        {
            return _looks.TryGetValue((mxHost, address), out var recent) && MxHostStore.Serves(recent.Round, recent.At, look.Key, look.Oldest, time.GetUtcNow()) ? recent.Look : null;
        }
    }

    /// <summary>Notes a look that is shared.</summary>
    /// <param name="mxHost">The MX host.</param>
    /// <param name="address">Its address.</param>
    /// <param name="look">What was seen.</param>
    /// <param name="round">The round that it was seen for.</param>
    /// <param name="at">When it was.</param>
    /// <param name="bytes">How large it is as JSON.</param>
    public void Note(string mxHost, IPAddress address, AddressLook look, string round, DateTimeOffset at, int bytes)
    {
        if (IsUnanswered(look))
        {
            return;
        }

        lock (_gate)
        {
            // All of it at once: the next domains read what they need, and a round has few hosts that many share.
            if (_bytes + bytes > MaxBytes)
            {
                _looks.Clear();
                _bytes = 0;
            }

            _bytes += bytes - (_looks.TryGetValue((mxHost, address), out var before) ? before.Bytes : 0);
            _looks[(mxHost, address)] = new Recent(look, round, at, bytes);
        }
    }

    private static bool IsUnanswered(AddressLook look) => look.Session.Outcome
        is SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionRefused or SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed or SmtpOutcome.OutOfTime or SmtpOutcome.NotObserved;

    private sealed record Recent(AddressLook Look, string Round, DateTimeOffset At, int Bytes);
}
