using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace StsFunctions.Bench;

/// <summary>A figure and its target.</summary>
/// <param name="What">The figure's name.</param>
/// <param name="Wanted">What it should be, as text.</param>
/// <param name="Actual">What it is.</param>
/// <param name="IsMet">Whether that is good enough.</param>
internal sealed record Target(string What, string Wanted, double Actual, bool IsMet);

/// <summary>The result of a benchmark.</summary>
/// <param name="Bench">Its name on the command line.</param>
/// <param name="Conditions">How it was measured, a sentence a line.</param>
/// <param name="Columns">The heads of the table.</param>
/// <param name="Rows">Every single run, then the medians.</param>
/// <param name="Targets">The targets.</param>
/// <param name="Figures">The same for machines.</param>
internal sealed record Outcome(
    string Bench, IReadOnlyList<string> Conditions, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows, IReadOnlyList<Target> Targets, object Figures)
{
    // Wide enough for every table; a pipe has no width.
    private const int PipeWidth = 160;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Writes it to stdout.</summary>
    public void Write(bool forMachines)
    {
        if (forMachines)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { Bench, Conditions, Targets, Figures }, Json));
            return;
        }

        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = PipeWidth;
        }

        foreach (var line in Conditions)
        {
            Console.WriteLine(line);
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn(new TableColumn(Columns[0]).NoWrap());
        foreach (var column in Columns.Skip(1))
        {
            table.AddColumn(new TableColumn(column).NoWrap().RightAligned());
        }

        foreach (var row in Rows)
        {
            table.AddRow([.. row.Select(cell => new Text(cell))]);
        }

        AnsiConsole.Write(table);
        foreach (var target in Targets)
        {
            var verdict = target.IsMet ? "met" : "missed";
            AnsiConsole.MarkupLineInterpolated(
                CultureInfo.InvariantCulture, $"{target.What}: {target.Actual:0.00}, target {target.Wanted}: [{(target.IsMet ? "green" : "red")}]{verdict}[/]");
        }
    }
}
