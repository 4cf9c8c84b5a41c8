using System.CommandLine;
using StsFunctions.Core.Text;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.UseCases.Hosting;

namespace StsFunctions.Cli;

/// <summary><c>report show</c>: shows a file's reports, read as if they had arrived. It needs no storage.</summary>
internal static class ReportCommands
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Write JSON, for machines" };
        var file = new Argument<FileInfo>("file") { Description = "JSON, gzip, a zip file or a mail" };
        var show = new Command("show", "Show the reports in a file: counts, failures, how they deviate from RFC 8460, and who authenticates them. Exit code: 0 read, 1 no report can be read, 2 wrong use") { file, json };
        show.SetAction((parsed, cancellationToken) => ShowAsync(parsed.GetValue(file)!, parsed.GetValue(json), cancellationToken));
        return new Command("report", "Show TLS reports") { show };
    }

    private static async Task<int> ShowAsync(FileInfo file, bool json, CancellationToken cancellationToken)
    {
        await using var services = await CommandServices.CreateAsync(services => services.AddStsCore());
        if (services is null)
        {
            return Commands.WrongUse;
        }

        if (!file.Exists)
        {
            await Console.Error.WriteLineAsync($"{TextSanitizer.ToSingleLine(file.ToString())}: there is no such file; name one with a report.");
            return Commands.WrongUse;
        }

        try
        {
            var reader = services.GetRequiredService<ReportReader>();
            await using var content = file.OpenRead();
            using var raw = await reader.BufferAsync(content, cancellationToken);
            var read = await reader.ReadAsync(raw, cancellationToken);
            // As on arrival, but with the keys that DNS returns now.
            var signers = await services.GetRequiredService<DkimValidator>().VerifyEachAsync(read.Reports, fromMailbox: false, cancellationToken);
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
                await Console.Error.WriteLineAsync($"{TextSanitizer.ToSingleLine(file.ToString())}: something else in it could not be read: {TextSanitizer.ToSingleLine(why)}");
                return Commands.Refused;
            }

            return Commands.Ok;
        }
        catch (Exception e) when (e is UnreadableReportException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"{TextSanitizer.ToSingleLine(file.ToString())}: {TextSanitizer.ToSingleLine(e.Message)}");
            return Commands.Refused;
        }
    }
}
