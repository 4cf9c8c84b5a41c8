using System.Text.RegularExpressions;

namespace StsFunctions.Core.Text;

/// <summary>
/// Makes remedies safe to paste into a shell or a zone: they contain names from DNS only if these are plain, and no character
/// from outside that has a meaning in a shell or a zone file.
/// </summary>
internal static partial class RemedyText
{
    private const int MaxName = 253;

    // Substitution, quotes, ends of commands and of strings, redirection.
    private const string Specials = "`$\"'\\;|&<>";

    /// <summary>Whether a name may stand in a command or a record as it is: letters, digits, dots, hyphens and underscores, the first of them no hyphen, which would make an option of it. A wildcard counts.</summary>
    public static bool IsPlainName(string name) => name.Length <= MaxName && PlainName().IsMatch(name);

    /// <summary>Whether a remedy with values in it is as safe as the kind's own words: its subject is plain, and it has no more special characters than these.</summary>
    public static bool IsSafe(string remedy, string template, string subject) =>
        (IsPlainName(subject) || !remedy.Contains(subject, StringComparison.Ordinal))
        && Specials.All(special => remedy.Count(c => c == special) <= template.Count(c => c == special));

    [GeneratedRegex(@"\A(\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PlainName();
}
