using System.Collections.Immutable;
using MimeKit;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Reports.Containers;

/// <summary>Where a content comes from: what it lay in, and what was written on that.</summary>
/// <param name="Depth">How many containers it lay in.</param>
internal sealed record Origin(int Depth)
{
    /// <summary>The content itself, as it arrived.</summary>
    public static Origin Arrival { get; } = new(0);

    /// <summary>Its file name, by the container nearest to it that gives one.</summary>
    public string? FileName { get; init; }

    /// <summary>The <c>TLS-Report-Domain</c> of the mail nearest to it that has one.</summary>
    public string? HeaderDomain { get; init; }

    /// <summary>The <c>TLS-Report-Submitter</c>, likewise.</summary>
    public string? HeaderSubmitter { get; init; }

    /// <summary>The outermost mail that it came in.</summary>
    public MimeMessage? Mail { get; init; }

    /// <summary>How its containers deviate from RFC 8460 §5.</summary>
    public ImmutableList<ReportNote> Notes { get; init; } = [];

    /// <summary>What is written on it, for its reader.</summary>
    public ReportEnvelope Envelope => new() { FileName = FileName, Domain = HeaderDomain, Submitter = HeaderSubmitter };

    /// <summary>One container further in.</summary>
    public Origin Within(string? fileName = null) => this with { Depth = Depth + 1, FileName = fileName ?? FileName };

    /// <summary>The same, with a note; each deviation once.</summary>
    public Origin Noting(Deviation deviation, string where, string what = "") =>
        Notes.Exists(note => note.Deviation == deviation) ? this : this with { Notes = Notes.Add(new ReportNote(deviation, where, Shown(what))) };

    private static string Shown(string what)
    {
        const int longest = 80;
        return string.Concat(what.Take(longest).Select(c => c is >= ' ' and <= '~' ? c : '?'));
    }
}
