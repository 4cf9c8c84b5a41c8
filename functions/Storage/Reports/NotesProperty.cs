namespace StsFunctions.Storage.Reports;

/// <summary>Notes in one property of a row, one per line.</summary>
internal static class NotesProperty
{
    // Storage allows 32 Ki characters; half of that leaves space for other properties and is more than all existing notes.
    private const int MaxLength = 16_000;

    /// <summary>Joins as many lines as fit.</summary>
    public static string Write(IReadOnlyList<string> notes)
    {
        var room = MaxLength;
        return string.Join('\n', notes.Select(note => note.ReplaceLineEndings(" ")).TakeWhile(note => (room -= note.Length + 1) >= 0));
    }

    /// <summary>Splits the lines; none for a row that was written before notes existed.</summary>
    public static IReadOnlyList<string> Read(string? property) => string.IsNullOrEmpty(property) ? [] : property.Split('\n');
}
