using System.Collections.Immutable;
using MimeKit;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>The containers of a content, with their labels.</summary>
/// <param name="Depth">The number of containers around it.</param>
internal sealed record PartContext(int Depth)
{
    /// <summary>The content itself, as it arrived.</summary>
    public static PartContext Arrival { get; } = new(0);

    /// <summary>Its file name, from the nearest container with one.</summary>
    public string? FileName { get; init; }

    /// <summary>The <c>TLS-Report-Domain</c> of the nearest mail with one.</summary>
    public string? HeaderDomain { get; init; }

    /// <summary>The <c>TLS-Report-Submitter</c> of the nearest mail with one.</summary>
    public string? HeaderSubmitter { get; init; }

    /// <summary>The outermost mail around it.</summary>
    public MimeMessage? Mail { get; init; }

    /// <summary>The deviations of its containers from RFC 8460 §5.</summary>
    public ImmutableList<ReportNote> Notes { get; init; } = [];

    /// <summary>The labels for the reader of the content.</summary>
    public ReportEnvelope Envelope => new() { FileName = FileName, Domain = HeaderDomain, Submitter = HeaderSubmitter };

    /// <summary>The context one container deeper.</summary>
    public PartContext Within(string? fileName = null) => this with { Depth = Depth + 1, FileName = fileName ?? FileName };

    /// <summary>The context with a note; each deviation counts once.</summary>
    public PartContext Noting(Deviation deviation, string where, string what = "") =>
        Notes.Exists(note => note.Deviation == deviation) ? this : this with { Notes = Notes.Add(new ReportNote(deviation, where, Describe(what))) };

    private static string Describe(string what)
    {
        const int longest = 80;
        return string.Concat(what.Take(longest).Select(c => c is >= ' ' and <= '~' ? c : '?'));
    }
}
