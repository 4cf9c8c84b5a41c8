namespace StsFunctions.Domains;

/// <summary>Notes in one property of a row, a line each.</summary>
internal static class NotesProperty
{
    // Storage takes 32 Ki characters; what is in the way of nobody else is half of that, and more than all notes there are.
    private const int MaxLength = 16_000;

    /// <summary>The lines, as many as have room.</summary>
    public static string Write(IReadOnlyList<string> notes)
    {
        var room = MaxLength;
        return string.Join('\n', notes.Select(note => note.ReplaceLineEndings(" ")).TakeWhile(note => (room -= note.Length + 1) >= 0));
    }

    /// <summary>The lines again; none for a row that was written before there were any.</summary>
    public static IReadOnlyList<string> Read(string? property) => string.IsNullOrEmpty(property) ? [] : property.Split('\n');
}
