using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using MimeKit;
using Spectre.Console;
using StsFunctions.Local.FunctionsHost;
using StsFunctions.Local.Lab;

namespace StsFunctions.Local;

/// <summary>Runs everything that the app does once, without waiting for timers, and compares the results with the expected ones in a table.</summary>
internal static class SmokeRun
{
    public static async Task<int> RunAsync(LocalSystemOptions options, CancellationToken cancellationToken)
    {
        var log = new List<HostLog>();
        var progress = new ConsoleProgress();
        await using var system = await LocalSystem.StartAsync(
            options with
            {
                Progress = progress,
                OnLog = line =>
                {
                    lock (log)
                    {
                        log.Add(line);
                    }
                },
            },
            cancellationToken);
        await SampleData.AddDomainsAsync(system, progress, cancellationToken);

        progress.Report("Checking every domain …");
        await system.CheckAllAsync(cancellationToken);
        progress.Report("Delivering three reports …");
        var yesterday = DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1);
        await SampleData.DeliverReportsAsync(system, yesterday, cancellationToken);
        await system.WhenIdleAsync(cancellationToken);
        progress.Report("Sending notifications …");
        await system.NotifyAsync(cancellationToken);
        progress.Report("Checking every domain again: nothing has changed, so no notification may go out …");
        var mails = Mails(system);
        await system.CheckAllAsync(cancellationToken);
        await system.NotifyAsync(cancellationToken);

        var lines = new List<Line>();
        lines.AddRange(await ServedAsync(system, cancellationToken));
        foreach (var domain in LabDomains.Typical)
        {
            lines.AddRange(await CheckedAsync(system, domain, yesterday, cancellationToken));
        }

        lines.AddRange(await IngestedAsync(system, yesterday, cancellationToken));
        lines.AddRange(Notified(mails));
        lines.Add(new Line("notified", "second check", "no further mail", Mails(system).Count == mails.Count ? "no further mail" : $"{Mails(system).Count - mails.Count} more"));
        lines.AddRange(await AnsweredAsync(system, cancellationToken));
        Write(lines);

        var wrong = lines.Count(line => !line.IsRight);
        if (wrong > 0)
        {
            var file = Path.Combine(Repository.Root, ".local", "smoke.log");
            await File.WriteAllLinesAsync(file, log.Select(line => line.ToString()), CancellationToken.None);
            Console.WriteLine($"What host and app logged is in {file}.");
        }

        AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"{lines.Count - wrong} of {lines.Count} lines are as expected.");
        return wrong == 0 ? 0 : 1;
    }

    private static async Task<IEnumerable<Line>> ServedAsync(LocalSystem system, CancellationToken cancellationToken)
    {
        var lines = new List<Line>();
        foreach (var domain in LabDomains.Typical)
        {
            using var answer = await system.Client.GetAsync(system.Https($"mta-sts.{domain.Name}", "/.well-known/mta-sts.txt"), cancellationToken);
            var body = await answer.Content.ReadAsStringAsync(cancellationToken);
            var expected = domain.Policy.Replace("\n", "\r\n", StringComparison.Ordinal);
            lines.Add(new Line(
                "served", $"mta-sts.{domain.Name}", $"200 text/plain, {Encoding.UTF8.GetByteCount(expected)} bytes",
                $"{(int)answer.StatusCode} {answer.Content.Headers.ContentType?.MediaType}, {(body == expected ? $"{Encoding.UTF8.GetByteCount(body)} bytes" : "other bytes")}"));
        }

        // A name that is not hosted has no certificate here, so this request goes to the plain port.
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(system.Host.HttpAddress, "/.well-known/mta-sts.txt"));
        request.Headers.Host = "mta-sts.unknown.example";
        using var unknown = await system.Client.SendAsync(request, cancellationToken);
        lines.Add(new Line("served", "mta-sts.unknown.example", "404", unknown.StatusCode == HttpStatusCode.NotFound ? "404" : $"{(int)unknown.StatusCode}"));
        return lines;
    }

    private static async Task<IEnumerable<Line>> CheckedAsync(LocalSystem system, LabDomain domain, DateOnly day, CancellationToken cancellationToken)
    {
        using var shown = await ShowAsync(system, domain.Name, cancellationToken);
        var record = shown.RootElement.GetProperty("record");
        var codes = shown.RootElement.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("finding").GetProperty("code").GetString()!).Order(StringComparer.Ordinal);
        var reported = SampleData.Reports(day).Any(report => report.Domain == domain.Name && report.Failures > 0) ? ["report.session.failed"] : (string[])[];
        return
        [
            new Line("checked", domain.Name, "observed", record.GetProperty("observed").GetBoolean() ? "observed" : "not observed"),
            new Line("found", domain.Name, Join([.. domain.Expected, .. reported]), Join(codes)),
        ];
    }

    private static async Task<IEnumerable<Line>> IngestedAsync(LocalSystem system, DateOnly day, CancellationToken cancellationToken)
    {
        var lines = new List<Line>();
        string[] sources = ["Https", "Mail", "Mail"];
        foreach (var (expected, source) in SampleData.Reports(day).Zip(sources))
        {
            using var shown = await ShowAsync(system, expected.Domain, cancellationToken);
            var report = shown.RootElement.GetProperty("reports").EnumerateArray()
                .Select(r => r.GetProperty("report"))
                .FirstOrDefault(r => r.GetProperty("submitter").GetString() == expected.Sender);
            lines.Add(new Line(
                "ingested", $"{expected.Sender} on {expected.Domain}", $"{expected.Sessions} good, {expected.Failures} failed, {source}",
                report.ValueKind == JsonValueKind.Undefined
                    ? "nothing"
                    : $"{report.GetProperty("sessions").GetInt64()} good, {report.GetProperty("failures").GetInt64()} failed, {report.GetProperty("source").GetString()}"));
        }

        return lines;
    }

    private static IEnumerable<Line> Notified(IReadOnlyList<MimeMessage> mails)
    {
        foreach (var domain in LabDomains.Typical)
        {
            var about = mails.Where(mail => mail.Subject!.Contains($" {domain.Name}: ", StringComparison.Ordinal)).ToList();
            yield return new Line(
                "notified", domain.Name,
                domain.Expected.Count == 0 ? "no mail" : $"1 mail: {Join(domain.Expected)}",
                about.Count == 0 ? "no mail" : $"{about.Count} mail: {Join(domain.Expected.Where(code => about.Any(mail => mail.TextBody!.Contains(code, StringComparison.Ordinal))))}");
        }
    }

    private static async Task<IEnumerable<Line>> AnsweredAsync(LocalSystem system, CancellationToken cancellationToken)
    {
        using var anonymous = await system.AskApiAsync("/api/domains", token: null, cancellationToken);
        using var reader = await system.AskApiAsync("/api/domains", system.Token("Sts.Reader"), cancellationToken);
        using var list = reader.IsSuccessStatusCode ? JsonDocument.Parse(await reader.Content.ReadAsStringAsync(cancellationToken)) : null;
        return
        [
            new Line("answered", "api/domains, no token", "401", $"{(int)anonymous.StatusCode}"),
            new Line("answered", "api/domains, a reader", $"200, {LabDomains.Typical.Count} domains", $"{(int)reader.StatusCode}, {list?.RootElement.GetProperty("domains").GetArrayLength()} domains"),
        ];
    }

    private static async Task<JsonDocument> ShowAsync(LocalSystem system, string domain, CancellationToken cancellationToken)
    {
        var shown = await system.RunAppAsync(cancellationToken, "domain", "show", domain, "--json");
        return shown.ExitCode == 0 ? JsonDocument.Parse(shown.Output) : throw new InvalidOperationException($"domain show {domain} failed: {shown.Errors}");
    }

    private static IReadOnlyList<MimeMessage> Mails(LocalSystem system) =>
        Directory.Exists(system.MailFolder) ? [.. Directory.GetFiles(system.MailFolder, "*.eml").Select(file => MimeMessage.Load(file))] : [];

    private static string Join(IEnumerable<string> codes) => string.Join(", ", codes) is { Length: > 0 } text ? text : "nothing";

    private static void Write(IEnumerable<Line> lines)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (var column in (string[])["", "what", "expected", "was"])
        {
            table.AddColumn(new TableColumn(column).NoWrap());
        }

        foreach (var line in lines)
        {
            table.AddRow(new Text(line.Step), new Text(line.What), new Text(line.Expected), new Text(line.IsRight ? "as expected" : line.Actual, line.IsRight ? Color.Green : Color.Red));
        }

        AnsiConsole.Write(table);
    }

    private sealed record Line(string Step, string What, string Expected, string Actual)
    {
        public bool IsRight => Expected == Actual;
    }
}
