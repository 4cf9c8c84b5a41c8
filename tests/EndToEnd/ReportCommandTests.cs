using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Tests.Reports;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary><c>report show</c>: a file of any kind, by the published app, without any storage.</summary>
public sealed class ReportCommandTests(AppUnderTest app) : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(_file);

    [Fact]
    [Trait("Conformance", "RPT-5")]
    public async Task Every_sample_of_the_corpus_gives_the_same_result_as_in_the_unit_tests()
    {
        foreach (var sample in Sample.All.Where(sample => sample.Wrapped.Length > 0 || sample.File.StartsWith("mail", StringComparison.Ordinal)))
        {
            var shown = await ShowAsync(sample.Bytes(), "--json");

            Assert.True((shown.ExitCode == 0) == sample.IsRead, $"{sample.File} {sample.Wrapped}: {shown.Output}{shown.Errors}");
            if (sample.IsRead)
            {
                using var json = JsonDocument.Parse(shown.Output);
                var reports = json.RootElement.EnumerateArray().ToList();
                Assert.Equal(sample.Comes.Split(" & ").Select(facts => facts.Split('|')[1]), reports.Select(report => report.GetProperty("reportId").GetString()));
                Assert.Equal(sample.Notes, reports.SelectMany(report => report.GetProperty("notes").EnumerateArray()).Select(note => note.GetProperty("code").GetString()!).Distinct().Order(StringComparer.Ordinal));
            }
            else
            {
                Assert.Contains(sample.Comes, shown.Errors, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task The_text_output_shows_counts_failures_deviations_and_that_the_report_is_not_authenticated()
    {
        var shown = await ShowAsync(Sample.All.First(sample => sample.File == "mail-zip.eml").Bytes());

        Assert.Equal((0, ""), (shown.ExitCode, shown.Errors));
        Assert.Matches(@"example\.com\s+sts\s+90\s+10\s+10", shown.Output);
        Assert.Matches(@"certificate-expired\s+mx1\.example\.com\s+203\.0\.113\.5\s+192\.0\.2\.10\s+10", shown.Output);
        foreach (var words in new[] { "Alpha Mail", "2026-03-13 00:00:00 to 2026-03-13 23:59:59 UTC", "not verified", "zip  the container", "not-multipart-report" })
        {
            Assert.Contains(words, shown.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task The_signer_of_a_mail_is_verified_by_the_keys_in_DNS_and_a_changed_mail_has_none()
    {
        await using var lab = await MailLab.StartAsync(TimeProvider.System, Cancellation);
        var mail = new SampleReport("Alpha Mail", "example.com", new DateOnly(2026, 3, 13), 90).ToMail(lab.Zone);
        var changed = Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(mail).Replace("Subject: ", "Subject: Re: ", StringComparison.Ordinal));

        Assert.Matches(@"verdict +Aligned: signed by alpha-mail\.example, which is the sender's own", (await VerifiedAsync(mail)).Output);
        Assert.Matches("verdict +Fail: the signature of alpha-mail\\.example is not that of this mail", (await VerifiedAsync(changed)).Output);

        async Task<FinishedProcess> VerifiedAsync(byte[] content)
        {
            await File.WriteAllBytesAsync(_file, content, Cancellation);
            return await RunAsync([("Sts__DnsServer", lab.Dns.ToString())], "report", "show", _file);
        }
    }

    [Fact]
    public async Task Text_from_a_sender_does_not_move_the_cursor()
    {
        var shown = await ShowAsync(Sample.All.First(sample => sample.File == "words-of-a-terminal.json").Bytes());

        Assert.Equal(0, shown.ExitCode);
        Assert.DoesNotContain(shown.Output.ReplaceLineEndings(""), c => char.IsControl(c) || c == '\u202e');
    }

    [Fact]
    public async Task A_missing_file_and_wrong_usage_exit_2()
    {
        Assert.Equal(2, (await RunAsync([], "report", "show", "there-is-none.json")).ExitCode);
        Assert.Equal(2, (await RunAsync([], "report", "show")).ExitCode);
        Assert.Equal(2, (await RunAsync([("Sts__ReportMaxDepth", "0")], "report", "show", _file)).ExitCode);
    }

    [Fact]
    public async Task The_help_lists_the_exit_codes() =>
        Assert.Contains("Exit code: 0 read, 1 no report can be read, 2 wrong use", (await RunAsync([], "report", "show", "--help")).Output.ReplaceLineEndings(" ").Replace("  ", "", StringComparison.Ordinal), StringComparison.Ordinal);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_report_of_100_MB_is_read_by_a_process_with_64_MiB_of_heap()
    {
        await using (var gzip = new GZipStream(File.Create(_file), CompressionLevel.Optimal))
        {
            await gzip.WriteAsync(Samples.Utf8("""
                {"organization-name":"Alpha Mail","date-range":{"start-datetime":"2026-03-13T00:00:00Z","end-datetime":"2026-03-13T23:59:59Z"},"report-id":"large","policies":[
                {"policy":{"policy-type":"sts","policy-domain":"example.com"},"summary":{"total-successful-session-count":1},"failure-details":[{"result-type":"certificate-expired","failed-session-count":1}
                """), Cancellation);
            var words = new StringBuilder();
            for (var bytes = 0L; bytes < 100_000_000; bytes += words.Length)
            {
                words.Clear();
                for (var n = 0; n < 1_000; n++)
                {
                    var number = (bytes / 1_000) + n;
                    words.Append(CultureInfo.InvariantCulture, $",{{\"result-type\":\"certificate-host-mismatch\",\"sending-mta-ip\":\"2001:db8::{number % 65_521:x}\",\"receiving-mx-hostname\":\"mx{number}.mail.example.com\",\"receiving-ip\":\"2001:db8:1::{number % 65_519:x}\",\"failed-session-count\":1,\"additional-information\":\"{number} {number * 31} {number * 17} {number * 5}\"}}");
                }

                await gzip.WriteAsync(Samples.Utf8(words.ToString()), Cancellation);
            }

            await gzip.WriteAsync(Samples.Utf8("]}]}"), Cancellation);
        }

        var shown = await RunAsync([("DOTNET_GCHeapHardLimit", "4000000"), ("Sts__ReportMaxBytes", "104857600"), ("Sts__ReportMaxExpandedBytes", "209715200")], "report", "show", _file, "--json");

        Assert.Equal((0, ""), (shown.ExitCode, shown.Errors));
        using var json = JsonDocument.Parse(shown.Output);
        var policy = json.RootElement[0].GetProperty("policies")[0];
        Assert.Equal(1_000, policy.GetProperty("details").GetArrayLength());
        Assert.Equal(
            policy.GetProperty("failures").GetInt64(),
            policy.GetProperty("unlistedFailures").GetInt64() + policy.GetProperty("details").EnumerateArray().Sum(detail => detail.GetProperty("failedSessions").GetInt64()));
    }

    private async Task<FinishedProcess> ShowAsync(byte[] content, params string[] more)
    {
        await File.WriteAllBytesAsync(_file, content, Cancellation);
        return await RunAsync([], ["report", "show", _file, .. more]);
    }

    private Task<FinishedProcess> RunAsync((string Name, string Value)[] settings, params string[] arguments)
    {
        var start = new ProcessStartInfo(app.Command, arguments) { StandardOutputEncoding = Encoding.UTF8, StandardErrorEncoding = Encoding.UTF8 };
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return FinishedProcess.RunAsync(start, Cancellation);
    }
}
