namespace StsFunctions.Protocol.TlsRpt;

/// <summary>Gathers notes. There are no more of them than there are deviations.</summary>
internal sealed class ReportNotes
{
    private readonly Dictionary<Deviation, ReportNote> _notes = [];

    /// <summary>Counts a deviation, and says whether it is to be described: only the first is.</summary>
    public bool IsFirst(Deviation deviation)
    {
        if (!_notes.TryGetValue(deviation, out var note))
        {
            return true;
        }

        if (note.Times < int.MaxValue)
        {
            _notes[deviation] = note with { Times = note.Times + 1 };
        }

        return false;
    }

    public bool Has(Deviation deviation) => _notes.ContainsKey(deviation);

    /// <summary>Adds the first of a deviation.</summary>
    public void Add(Deviation deviation, string where, string what = "") =>
        _notes.Add(deviation, new ReportNote(deviation, where, what.Length == 0 ? "" : ProtocolException.Quote(what)));

    public IReadOnlyList<ReportNote> All() => [.. _notes.Values];
}
