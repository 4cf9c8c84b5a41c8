using System.CommandLine;
using StsFunctions.Domains;
using StsFunctions.Hosting;
using StsFunctions.Reports;

namespace StsFunctions.CommandLine;

/// <summary><c>report show</c>: what a file holds, read as it would be had it arrived. It needs no storage.</summary>
internal static class ReportCommands
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Write JSON, for machines" };
        var file = new Argument<FileInfo>("file") { Description = "JSON, gzip, a zip file or a mail" };
        var show = new Command("show", "Show the reports in a file: counts, failures, how they bend RFC 8460, and who vouches for them. Exit code: 0 read, 1 no report can be read, 2 wrong use") { file, json };
        show.SetAction((parsed, cancellation) => ShowAsync(parsed.GetValue(file)!, parsed.GetValue(json), cancellation));
        return new Command("report", "Look at TLS reports") { show };
    }

    private static async Task<int> ShowAsync(FileInfo file, bool json, CancellationToken cancellation)
    {
        await using var services = await CommandServices.CreateAsync(services => services.AddStsCore());
        if (services is null)
        {
            return Commands.WrongUse;
        }

        if (!file.Exists)
        {
            await Console.Error.WriteLineAsync($"{PlainText.OneLine(file.ToString())}: there is no such file; name one with a report.");
            return Commands.WrongUse;
        }

        try
        {
            var reader = services.GetRequiredService<ReportReader>();
            await using var content = file.OpenRead();
            using var raw = await reader.BufferAsync(content, cancellation);
            var read = await reader.ReadAsync(raw, cancellation);
            // As when it arrives, but by the keys that DNS tells now.
            var signers = await services.GetRequiredService<MailAuthenticity>().VerifyEachAsync(read.Reports, fromMailbox: false, cancellation);
            var shown = read.Reports.Select(report => ShownReportFile.Of(report, report.Mail is { } mail ? signers.GetValueOrDefault(mail) : null)).ToList();
            if (json)
            {
                CommandJson.Write(shown, CommandJson.Default.ListShownReportFile);
            }
            else
            {
                ReportView.Write(shown);
            }

            if (read.LeftOut is { } why)
            {
                await Console.Error.WriteLineAsync($"{PlainText.OneLine(file.ToString())}: something else in it could not be read: {PlainText.OneLine(why)}");
                return Commands.Refused;
            }

            return Commands.Ok;
        }
        catch (Exception e) when (e is UnreadableReportException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"{PlainText.OneLine(file.ToString())}: {PlainText.OneLine(e.Message)}");
            return Commands.Refused;
        }
    }
}
