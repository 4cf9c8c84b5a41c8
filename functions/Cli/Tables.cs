using System.Globalization;
using Spectre.Console;
using StsFunctions.Core.Text;

namespace StsFunctions.Cli;

/// <summary>Tables for a terminal; in a pipe they are as wide as needed.</summary>
internal static class Tables
{
    private const int PipeWidth = 200;

    public static Table Of(params string[] columns) =>
        new Table { Border = TableBorder.Simple }.AddColumns([.. columns.Select(column => new TableColumn(new Text(column)).NoWrap())]);

    // Plain text, never markup or control characters: names come from outside.
    public static void AddCells(this Table table, params string[] cells) => table.AddRow(cells.Select(cell => new Text(TextSanitizer.ToSingleLine(cell))));

    public static void Write(Table table)
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = PipeWidth;
        }

        AnsiConsole.Write(table);
    }

    public static string Day(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "-";

    public static string Minute(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) ?? "-";

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
