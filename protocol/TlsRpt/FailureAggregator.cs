using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>A failure detail as it is read, without what it says in words. Most of thousands are counted and let go.</summary>
internal readonly record struct ParsedFailure(
    string ResultType, string? SendingMtaIp, string? ReceivingMxHostname, string? ReceivingMxHelo, string? ReceivingIp, long FailedSessions, string? FailureReasonCode)
{
    public static ParsedFailure Of(FailureDetail detail) => new(
        detail.ResultType, detail.SendingMtaIp, detail.ReceivingMxHostname, detail.ReceivingMxHelo, detail.ReceivingIp, detail.FailedSessions, detail.FailureReasonCode);

    public FailureDetail Detail(string? information) => new()
    {
        ResultType = ResultType,
        SendingMtaIp = SendingMtaIp,
        ReceivingMxHostname = ReceivingMxHostname,
        ReceivingMxHelo = ReceivingMxHelo,
        ReceivingIp = ReceivingIp,
        FailedSessions = FailedSessions,
        AdditionalInformation = information,
        FailureReasonCode = FailureReasonCode,
    };
}

/// <summary>
/// The failure details of one policy, in bounded memory. Up to a number of them all are kept as they came. Of more, those of
/// one kind (the same result type, MX host and address) become one, the largest kinds are kept, and the rest is summed.
/// </summary>
/// <param name="max">How many are kept.</param>
internal sealed class FailureAggregator(int max)
{
    // What a detail takes apart from its texts, about.
    private const int Overhead = 200;

    // Kinds are held beyond the number that is kept, so that a large one that comes late is kept too.
    private const int Slack = 4;

    private readonly List<Kind> _kinds = [];
    private readonly Dictionary<KindKey, Kind> _byKey = [];

    /// <summary>Whether details of one kind were made one.</summary>
    public bool IsMerged { get; private set; }

    /// <summary>How many came.</summary>
    public long Count { get; private set; }

    /// <summary>All sessions, those that are no longer held included; never more than a count can be.</summary>
    public long Sessions { get; private set; }

    /// <summary>The sessions of what is no longer held.</summary>
    public long UnlistedSessions { get; private set; }

    /// <summary>About how many bytes are held.</summary>
    public long Held { get; private set; }

    /// <summary>Takes a detail in.</summary>
    /// <param name="seen">The detail, without what it says in words.</param>
    /// <param name="information">What it says in words, which is asked for only if it is kept.</param>
    /// <param name="room">How many more bytes may be held.</param>
    public void Add(in ParsedFailure seen, LazyUtf8String information, long room)
    {
        Count++;
        Sessions = Sum(Sessions, seen.FailedSessions);
        if (IsMerged && _byKey.TryGetValue(new KindKey(seen.ResultType, seen.ReceivingMxHostname, seen.ReceivingIp), out var known))
        {
            // Words that are not kept never become a string.
            var isWanted = !known.HasInformation && BytesOf(information.Length) <= room;
            Held += known.Add(seen, isWanted ? information.Make() : null, room);
            return;
        }

        var detail = seen.Detail(information.Make());
        if (!IsMerged && _kinds.Count < max && SizeOf(detail) <= room)
        {
            Hold(new Kind(detail));
            return;
        }

        if (!IsMerged)
        {
            var before = Held;
            MergeAll();
            room += before - Held;
        }

        if (_byKey.TryGetValue(KeyOf(detail), out known))
        {
            Held += known.Add(seen, detail.AdditionalInformation, room);
        }
        else if (SizeOf(detail) <= room)
        {
            var kind = new Kind(detail);
            Hold(kind);
            _byKey.Add(KeyOf(detail), kind);
            if (_kinds.Count >= Slack * max)
            {
                Prune();
            }
        }
        else
        {
            UnlistedSessions = Sum(UnlistedSessions, detail.FailedSessions);
        }
    }

    /// <summary>What is kept, in the order in which it came.</summary>
    public ImmutableArray<FailureDetail> Kept()
    {
        if (_kinds.Count > max)
        {
            Prune();
        }

        return [.. _kinds.Select(kind => kind.Detail)];
    }

    /// <summary>Starts anew.</summary>
    public void Clear()
    {
        _kinds.Clear();
        _byKey.Clear();
        (IsMerged, Count, Sessions, UnlistedSessions, Held) = (false, 0, 0, 0, 0);
    }

    private static KindKey KeyOf(FailureDetail detail) => new(detail.ResultType, detail.ReceivingMxHostname, detail.ReceivingIp);

    private static long Sum(long a, long b) => Math.Min(a + b, TlsReportParser.MaxCount);

    private static long SizeOf(FailureDetail detail) => Overhead + BytesOf(
        detail.ResultType.Length + Length(detail.SendingMtaIp) + Length(detail.ReceivingMxHostname) + Length(detail.ReceivingMxHelo)
        + Length(detail.ReceivingIp) + Length(detail.AdditionalInformation) + Length(detail.FailureReasonCode));

    private static long BytesOf(int characters) => sizeof(char) * (long)characters;

    private static int Length(string? text) => text?.Length ?? 0;

    private void Hold(Kind kind)
    {
        _kinds.Add(kind);
        Held += kind.Size;
    }

    private void MergeAll()
    {
        IsMerged = true;
        var all = _kinds.ToArray();
        _kinds.Clear();
        Held = 0;
        foreach (var kind in all)
        {
            if (_byKey.TryAdd(KeyOf(kind.First), kind))
            {
                Hold(kind);
            }
            else
            {
                // What one says was held as its own until now: there is room for it.
                Held += _byKey[KeyOf(kind.First)].Add(ParsedFailure.Of(kind.First), kind.First.AdditionalInformation, long.MaxValue);
            }
        }
    }

    private void Prune()
    {
        var all = _kinds.ToArray();
        var kept = all.OrderByDescending(kind => kind.Sessions).Take(max).ToHashSet();
        _kinds.Clear();
        Held = 0;
        foreach (var kind in all)
        {
            if (kept.Contains(kind))
            {
                Hold(kind);
            }
            else
            {
                _byKey.Remove(KeyOf(kind.First));
                UnlistedSessions = Sum(UnlistedSessions, kind.Sessions);
            }
        }
    }

    private readonly record struct KindKey(string ResultType, string? Host, string? Address);

    // The first of a kind, and what came after it.
    private sealed class Kind(FailureDetail first)
    {
        private bool _oneSender = true;
        private bool _oneHelo = true;
        private string? _information = first.AdditionalInformation;
        private string? _reason = first.FailureReasonCode;

        public FailureDetail First => first;

        public bool HasInformation => _information is not null;

        public long Sessions { get; private set; } = first.FailedSessions;

        // About how many bytes it holds.
        public long Size { get; private set; } = SizeOf(first);

        // What all of them share; of their words the first that there was room for.
        public FailureDetail Detail => first with
        {
            FailedSessions = Sessions,
            SendingMtaIp = _oneSender ? first.SendingMtaIp : null,
            ReceivingMxHelo = _oneHelo ? first.ReceivingMxHelo : null,
            AdditionalInformation = _information,
            FailureReasonCode = _reason,
        };

        // Returns how many more bytes it holds now, of those that there is room for.
        public long Add(in ParsedFailure another, string? information, long room)
        {
            Sessions = Sum(Sessions, another.FailedSessions);
            _oneSender = _oneSender && another.SendingMtaIp == first.SendingMtaIp;
            _oneHelo = _oneHelo && another.ReceivingMxHelo == first.ReceivingMxHelo;
            var attached = Attach(ref _information, information, room);
            attached += Attach(ref _reason, another.FailureReasonCode, room - attached);
            Size += attached;
            return attached;
        }

        private static long Attach(ref string? held, string? text, long room)
        {
            if (held is not null || text is null || BytesOf(text.Length) > room)
            {
                return 0;
            }

            held = text;
            return BytesOf(text.Length);
        }
    }
}
