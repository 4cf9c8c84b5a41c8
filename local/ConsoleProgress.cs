using System.Globalization;
using Spectre.Console;

namespace StsFunctions.Local;

/// <summary>Progress as lines, each with its time.</summary>
internal sealed class ConsoleProgress : IProgress<string>
{
    public void Report(string value) => AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[grey]{DateTime.Now:HH:mm:ss}[/]  {value}");
}
