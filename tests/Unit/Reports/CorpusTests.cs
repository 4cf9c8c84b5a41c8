using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Reports;
using StsFunctions.Local;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Every body and mail of the corpus gives the result of the table: the facts and the deviations, or why there are none.</summary>
public sealed class CorpusTests
{
    private static readonly ReportReader Reader = new(new ReportLimitsOptions(), new FakeTimeProvider(TestStorage.Noon));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>A row each, with its conformance ids as traits.</summary>
    public static TheoryData<int> Rows
    {
        get
        {
            var data = new TheoryData<int>();
            foreach (var (i, sample) in Sample.All.Index())
            {
                var row = new TheoryDataRow<int>(i) { TestDisplayName = $"{sample.File}{(sample.Wrapped.Length > 0 ? $" in {sample.Wrapped}" : "")}" };
                row.Traits["Conformance"] = [.. sample.Ids.Split(' ')];
                data.Add(row);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Every_sample_is_read_or_identified(int number)
    {
        var sample = Sample.All[number];
        using var body = await Reader.BufferAsync(new MemoryStream(sample.Bytes()), Cancellation);

        if (sample.IsRead)
        {
            var read = (await Reader.ReadAsync(body, Cancellation)).Reports;
            Assert.Equal(sample.Comes, string.Join(" & ", read.Select(Facts)));
            Assert.Equal(sample.Notes, read.SelectMany(one => one.Notes).Select(note => note.Deviation.Code).Distinct().Order(StringComparer.Ordinal));
            foreach (var one in read.Where(one => !one.Report.Policies.IsEmpty))
            {
                var row = ReportRows.Of(one, one.Report.Policies[0].PolicyDomain, one.Report.Policies, Samples.IncomingReport(ReportSource.Dropped), "blob").Report;
                Assert.Equal(one.Notes.Select(note => note.ToString()), row.Notes);
                Assert.Equal(row.Notes, NotesProperty.Read(NotesProperty.Write(row.Notes)));
            }
        }
        else
        {
            var refused = await Assert.ThrowsAsync<UnreadableReportException>(() => Reader.ReadAsync(body, Cancellation));
            Assert.Contains(sample.Comes, refused.Message, StringComparison.Ordinal);
            Assert.Equal(sample.Comes == "unattributed", refused.Why == Unreadable.Unattributed);
        }
    }

    [Fact]
    public void Every_file_of_the_corpus_has_a_row()
    {
        var files = Directory.GetFiles(Sample.Folder).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal).ToList();

        Assert.Equal(files, Sample.All.Select(sample => sample.File).Distinct().Order(StringComparer.Ordinal));
        Assert.True(files.Count >= 60, $"{files.Count} files");
    }

    [Fact]
    [Trait("Conformance", "ARR-2")]
    public async Task The_mail_of_a_report_is_available_for_verification()
    {
        var read = await ReadAsync("mail-forwarded.eml");

        Assert.True(read.ByMail);
        Assert.Equal("tlsrpt@example.example", read.Mail!.From.Mailboxes.Single().Address);
        Assert.Equal(("example.com", "alpha-mail.example", "report.json.gz"), (read.HeaderDomain, read.HeaderSubmitter, read.FileName));
        Assert.Null((await ReadAsync("straight.json")).Mail);
    }

    [Fact]
    public async Task Every_deviation_is_documented_with_its_reason()
    {
        var known = new[] { typeof(Deviation), typeof(ContainerDeviation) }
            .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Static))
            .Select(property => (Deviation)property.GetValue(null)!);
        var rows = (await File.ReadAllLinesAsync(Path.Combine(Repository.Root, "docs", "REPORTS.md"), Cancellation)).Where(line => line.StartsWith("| `", StringComparison.Ordinal));

        var documented = rows.Where(row => row.Count(c => c == '|') == 4).Select(row => (Code: row.Split('`')[1], Reason: row.Split(" | ")[^1].TrimEnd('|', ' ')));
        Assert.Equal(known.Select(one => (one.Code, one.Reason)).Order(), documented.Order());
    }

    private static async Task<ReadReport> ReadAsync(string file)
    {
        using var body = await Reader.BufferAsync(new MemoryStream(Sample.All.First(sample => sample.File == file && sample.Wrapped.Length == 0).Bytes()), Cancellation);
        return Assert.Single((await Reader.ReadAsync(body, Cancellation)).Reports);
    }

    private static string Facts(ReadReport read) => string.Create(
        CultureInfo.InvariantCulture,
        $"{read.Report.OrganizationName}|{read.Report.ReportId}|{read.Report.Start:yyyy-MM-dd HH:mm:ss}..{read.Report.End:yyyy-MM-dd HH:mm:ss}|{string.Join(';', read.Report.Policies.Select(Facts))}");

    private static string Facts(ReportedPolicy policy) => string.Create(
        CultureInfo.InvariantCulture,
        $"{policy.PolicyDomain} {policy.PolicyType} {policy.SuccessfulSessions}/{policy.FailedSessions} {policy.FailureDetails.Length}:{policy.FailureDetails.Sum(detail => detail.FailedSessions)}");
}
