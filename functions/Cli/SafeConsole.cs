using StsFunctions.Core.Text;

namespace StsFunctions.Cli;

/// <summary>Writes text for a person. Much of it comes from outside (a report, a certificate, a server), so control characters are removed.</summary>
internal static class SafeConsole
{
    public static void WriteLine(string line = "") => Console.WriteLine(TextSanitizer.ToSingleLine(line));
}
