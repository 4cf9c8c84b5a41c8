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

    public void Add(ReportNote note) => _notes.Add(note.Deviation, note);

    public IReadOnlyList<ReportNote> All() => [.. _notes.Values];
}
