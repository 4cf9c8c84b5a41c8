using System.Globalization;

namespace StsFunctions.Core.Text;

/// <summary>Text from outside, made fit for mails, logs and terminals.</summary>
internal static class TextSanitizer
{
    /// <summary>The text on one line, without characters that control a terminal or a mail reader: line ends, escapes, changes of direction.</summary>
    public static string ToSingleLine(string text) => text.All(IsPrintable) ? text : string.Concat(text.Select(c => IsPrintable(c) ? c : '?'));

    /// <summary>Text from outside as a quotation of bounded length, which nothing in the text ends.</summary>
    public static string Quoted(string text)
    {
        var shown = ToSingleLine(text).Replace('"', '\'');
        return $"\"{(shown.Length <= MaxQuoted ? shown : shown[..(MaxQuoted - 1)] + "…")}\"";
    }

    private const int MaxQuoted = 80;

    private static bool IsPrintable(char c) => char.GetUnicodeCategory(c) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.OtherNotAssigned);
}
