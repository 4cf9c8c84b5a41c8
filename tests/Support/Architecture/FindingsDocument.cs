using System.Text;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Rules;

namespace StsFunctions.Tests.Architecture;

/// <summary>docs/FINDINGS.md: the text before the list is written by hand, the list is generated from the code.</summary>
internal static class FindingsDocument
{
    private const string Begin = "<!-- The rest is written from the code: STS_UPDATE_SNAPSHOTS=1, and the tests of the architecture. -->\n";

    private static readonly (string Start, string Title)[] Subjects =
    [
        ("mx.", "MX records, and the servers behind them"),
        ("txt.sts.", "The record that announces a policy"),
        ("policy.", "The policy"),
        ("policy-host.", "The policy host"),
        ("txt.tlsrpt.", "The record that asks for reports"),
        ("report.", "What senders report"),
        ("tlsa.", "DANE"),
        ("dmarc.", "DMARC"),
        ("outbound.", "The operator's own network"),
        ("probe.", "Probe agents"),
    ];

    /// <summary>Every kind of finding: of checks, of reports and of probe agents.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } =
    [
        .. RuleEngine.Kinds,
        .. ReportFindings.Kinds,
        .. AgentFindings.Kinds,
    ];

    /// <summary>The document as it should be, with the existing text before the list.</summary>
    public static string Write(string document)
    {
        var end = document.IndexOf(Begin, StringComparison.Ordinal);
        var text = new StringBuilder(end < 0 ? document.TrimEnd('\n') + "\n\n" : document[..end]).Append(Begin);
        text.Append("\n| code | severity | what was found |\n|---|---|---|\n");
        foreach (var kind in Subjects.SelectMany(subject => Of(subject.Start)))
        {
            text.Append($"| `{kind.Code}` | {kind.SeverityText} | {Escaped(kind.Title)} |\n");
        }

        foreach (var (start, title) in Subjects.Where(subject => Of(subject.Start).Any()))
        {
            text.Append($"\n## {title}\n");
            foreach (var kind in Of(start))
            {
                text.Append($"\n### `{kind.Code}`\n\n{Sentence(kind.Title)} *{Sentence(kind.SeverityText).TrimEnd('.')}*{(kind.RequiresConfirmation ? ", after three attempts observed it" : "")}{(kind.Notifies ? "" : ", no notification")}; {kind.Rfc}.\n");
                text.Append($"\n{Escaped(kind.Meaning)}\n\n> {Escaped(kind.Remedy)}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>The kinds whose code begins so, by code; one that no subject takes in is found out by the test.</summary>
    public static IEnumerable<FindingKind> Of(string start) =>
        Kinds.Where(kind => kind.Code.StartsWith(start, StringComparison.Ordinal)).OrderBy(kind => kind.Code, StringComparer.Ordinal);

    private static string Sentence(string words) => $"{Escaped(char.ToUpperInvariant(words[0]) + words[1..])}.";

    // What a reader of Markdown would take for a tag, emphasis or a cell's end.
    private static string Escaped(string text) => text
        .Replace("<", "&lt;", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)
        .Replace("*", "\\*", StringComparison.Ordinal).Replace("|", "\\|", StringComparison.Ordinal);
}
