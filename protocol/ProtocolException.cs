using System.Text;

namespace StsFunctions.Protocol;

/// <summary>
/// What was read does not follow RFC 8461 or RFC 8460. It is the only exception that the readers of this library throw
/// for bad input; its message says what was read, where, what is right, and names the rule.
/// </summary>
/// <remarks>
/// Input has a place: a <see cref="Line"/> in a policy, an <see cref="Offset"/> in anything else. If something is
/// missing, the place is the end, where it would be. A value that a caller made has no place.
/// </remarks>
public sealed class ProtocolException : FormatException
{
    private const int LongestQuote = 80;

    /// <summary>Makes an exception whose message ends with the rule and the position.</summary>
    /// <param name="problem">What is wrong and what to write instead, as full sentences.</param>
    /// <param name="rule">The rule that is broken, such as <c>RFC 8461 §3.2 max_age</c>.</param>
    /// <param name="line">The line, counted from 1, where the input has lines.</param>
    /// <param name="offset">The offset from the input's start, counted from 0: characters in a record or a name, bytes in a file or a report.</param>
    /// <param name="cause">The error underneath, if any.</param>
    public ProtocolException(string problem, string rule, int? line = null, long? offset = null, Exception? cause = null)
        : base(Compose(problem, rule, line, offset), cause)
    {
        Rule = rule;
        Line = line;
        Offset = offset;
    }

    /// <summary>The rule that is broken: the standard, its section, and the field or member.</summary>
    public string Rule { get; }

    /// <summary>The line of a policy, counted from 1; one after the last for what is missing.</summary>
    public int? Line { get; }

    /// <summary>The offset from the input's start, counted from 0: characters in a record or a name, bytes in a file or a report.</summary>
    public long? Offset { get; }

    /// <summary>Foreign text, made safe to show: cut, in quotes, with everything outside visible ASCII escaped.</summary>
    internal static string Quote(ReadOnlySpan<char> text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text[..Math.Min(text.Length, LongestQuote)])
        {
            if (c is >= ' ' and <= '~' and not '"' and not '\\')
            {
                quoted.Append(c);
            }
            else
            {
                quoted.Append($"\\u{(int)c:x4}");
            }
        }

        return quoted.Append(text.Length > LongestQuote ? "\"..." : "\"").ToString();
    }

    private static string Compose(string problem, string rule, int? line, long? offset) => (line, offset) switch
    {
        (int at, _) => $"Line {at}: {problem} ({rule})",
        (_, long at) => $"At {at}: {problem} ({rule})",
        _ => $"{problem} ({rule})",
    };
}
