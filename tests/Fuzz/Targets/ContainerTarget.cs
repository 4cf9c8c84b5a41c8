using Azure;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Reports;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// Whatever arrives as a report: JSON, gzip, zip, a mail, and one in another (RFC 8460 §5), opened by <see cref="ReportReader"/>. There is at
/// least one report, or an <see cref="UnreadableReportException"/> in words; what is held stays within its budget; reading it again gives the
/// same reports; and rows can be made of every one.
/// </summary>
internal sealed class ContainerTarget : IFuzzTarget
{
    private const int MaxNote = 700;
    private const int MaxNotes = 60;
    private const int MaxMessage = 2_000;

    // Small, so that inputs of this size meet them.
    private static readonly ReportReader Reader = new(
        new ReportLimitsOptions { MaxBytes = 512 * 1024, MaxExpandedBytes = 2 << 20, MaxRatio = 100, MaxParts = 20 }, new FakeTimeProvider(ObservedDomain.At));

    private static readonly IncomingReport IncomingReport = new(BlobName.Parse("a name"), new ETag("1"), ObservedDomain.At, ProvenanceClaim.None) { Source = ReportSource.Https };

    public string Name => "container";

    public IReadOnlyList<string> SharedSeeds => ["Support/Reports/Corpus/mail-*.eml", "Support/Reports/Corpus/straight.json", "Support/Reports/Corpus/Found/*"];

    public void Run(byte[] input)
    {
        try
        {
            var (reports, again) = (Read(input), Read(input));
            Invariant.Holds(reports.Count > 0, "nothing was read, and nothing refused");
            Invariant.Holds(reports.Select(report => report.BodyHash).SequenceEqual(again.Select(report => report.BodyHash)), "the same bytes hold other reports");
            reports.ForEach(AssertStorable);
            foreach (var mail in reports.Concat(again).Select(report => report.Mail).Distinct())
            {
                // A finalizer would count branches in the midst of a later input.
                mail?.Dispose();
            }
        }
        catch (UnreadableReportException refusal)
        {
            Invariant.Holds(refusal.Message.Length is >= 10 and <= MaxMessage, $"the refusal is no sentence: {refusal.Message}");
            refusal.Mail?.Dispose();
        }
    }

    private static List<ReadReport> Read(byte[] input)
    {
        using var body = new ReportBody(input, lease: null);
        return [.. Reader.ReadAsync(body, CancellationToken.None).GetAwaiter().GetResult().Reports];
    }

    private static void AssertStorable(ReadReport report)
    {
        Invariant.Holds(report.Notes.Count <= MaxNotes, "there are too many notes");
        foreach (var note in report.Notes)
        {
            Invariant.Holds(note.ToString().Length <= MaxNote && note.ToString().All(c => c is >= ' ' and <= '~' or '§'), $"a note is too long, or not plain: {note}");
        }

        foreach (var policies in report.Report.Policies.GroupBy(policy => policy.PolicyDomain))
        {
            var (row, failures) = ReportRows.Of(report, policies.Key, [.. policies], IncomingReport, "blob");
            Invariant.Holds(row.Sessions >= 0 && row.Failures >= 0 && failures.Count <= ReportRows.MaxFailures, "the rows are out of bounds");
        }
    }
}
