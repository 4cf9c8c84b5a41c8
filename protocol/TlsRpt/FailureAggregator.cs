using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// The failure details of one policy, in bounded memory. Up to a number of them, all are stored unchanged. Of more, those of
/// one kind (the same result type, MX host and address) become one, the largest kinds are stored, and the rest is summed.
/// </summary>
/// <param name="max">How many are stored.</param>
internal sealed class FailureAggregator(int max)
{
    // About the size of a detail without its texts.
    private const int Overhead = 200;

    // More kinds are held than are stored at the end, so that a large kind that appears late is stored too.
    private const int Slack = 4;

    private readonly List<Kind> _kinds = [];
    private readonly Dictionary<KindKey, Kind> _byKey = [];

    /// <summary>Whether details of one kind were merged.</summary>
    public bool IsMerged { get; private set; }

    /// <summary>The number of details added.</summary>
    public long Count { get; private set; }

    /// <summary>All sessions, including those that are no longer held; never more than the largest count.</summary>
    public long Sessions { get; private set; }

    /// <summary>The sessions of details that are no longer held.</summary>
    public long UnlistedSessions { get; private set; }

    /// <summary>About how many bytes are held.</summary>
    public long Held { get; private set; }

    /// <summary>Adds a detail.</summary>
    /// <param name="detail">The detail.</param>
    /// <param name="room">How many more bytes may be held.</param>
    public void Add(FailureDetail detail, long room)
    {
        Count++;
        Sessions = Sum(Sessions, detail.FailedSessions);
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

        AddToKind(detail, room);
    }

    /// <summary>The stored details, in the order of the report.</summary>
    public ImmutableArray<FailureDetail> ToDetails()
    {
        if (_kinds.Count > max)
        {
            Prune();
        }

        return [.. _kinds.Select(kind => kind.Detail)];
    }

    /// <summary>Removes everything.</summary>
    public void Clear()
    {
        _kinds.Clear();
        _byKey.Clear();
        (IsMerged, Count, Sessions, UnlistedSessions, Held) = (false, 0, 0, 0, 0);
    }

    private static KindKey KeyOf(FailureDetail detail) => new(detail.ResultType, detail.ReceivingMxHostname, detail.ReceivingIp);

    private static long Sum(long a, long b) => Math.Min(a + b, ReportValues.MaxCount);

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

    private void AddToKind(FailureDetail detail, long room)
    {
        if (_byKey.TryGetValue(KeyOf(detail), out var kind))
        {
            Held += kind.Add(detail, room);
        }
        else if (SizeOf(detail) <= room)
        {
            kind = new Kind(detail);
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
                // Its text is held already, so there is room for it.
                Held += _byKey[KeyOf(kind.First)].Add(kind.First, long.MaxValue);
            }
        }
    }

    private void Prune()
    {
        var all = _kinds.ToArray();
        var largest = all.OrderByDescending(kind => kind.Sessions).Take(max).ToHashSet();
        _kinds.Clear();
        Held = 0;
        foreach (var kind in all)
        {
            if (largest.Contains(kind))
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

    // The first detail of a kind, and the sums of the others.
    private sealed class Kind(FailureDetail first)
    {
        private bool _oneSender = true;
        private bool _oneHelo = true;
        private string? _information = first.AdditionalInformation;
        private string? _reason = first.FailureReasonCode;

        public FailureDetail First => first;

        public long Sessions { get; private set; } = first.FailedSessions;

        // About the number of bytes it holds.
        public long Size { get; private set; } = SizeOf(first);

        // The values that all of them share, and the first free text that there was room for.
        public FailureDetail Detail => first with
        {
            FailedSessions = Sessions,
            SendingMtaIp = _oneSender ? first.SendingMtaIp : null,
            ReceivingMxHelo = _oneHelo ? first.ReceivingMxHelo : null,
            AdditionalInformation = _information,
            FailureReasonCode = _reason,
        };

        // Returns the number of additional bytes that it holds now, at most those that there is room for.
        public long Add(FailureDetail another, long room)
        {
            Sessions = Sum(Sessions, another.FailedSessions);
            _oneSender = _oneSender && another.SendingMtaIp == first.SendingMtaIp;
            _oneHelo = _oneHelo && another.ReceivingMxHelo == first.ReceivingMxHelo;
            var attached = Attach(ref _information, another.AdditionalInformation, room);
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
