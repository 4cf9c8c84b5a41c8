using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using StsFunctions.Protocol;

namespace StsFunctions.Fuzz;

/// <summary>Something that holds of every input does not hold of this one.</summary>
internal sealed class InvariantException(string message) : Exception(message);

/// <summary>What holds of every input.</summary>
internal static class Invariant
{
    // A sentence with at most a few quotations of 80 characters, each of which may be escaped to six times its length.
    private const int MaxMessage = 2_000;

    public static void Holds([DoesNotReturnIf(false)] bool condition, string what)
    {
        if (!condition)
        {
            throw new InvariantException(what);
        }
    }

    /// <summary>A refusal is one bounded line of plain text, whatever the input holds.</summary>
    public static void Readable(ProtocolException fault) =>
        Holds(
            fault.Message.Length is > 10 and <= MaxMessage && fault.Message.All(c => c is >= ' ' and <= '~' or '§') && fault.Rule.Length > 0,
            $"the message is not one short line of plain text: {fault.Message}");

    /// <summary>Text that goes to operators holds nothing that a terminal or a mail reader takes for an order.</summary>
    public static void Plain(string text, int max, string what) =>
        Holds(
            text.Length <= max && !text.Any(c => char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator),
            $"{what} is too long or not plain: {text.Length} characters");
}
