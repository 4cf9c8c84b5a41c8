using StsFunctions.Domains;

namespace StsFunctions.CommandLine;

/// <summary>What a person reads. Much of it comes from outside (a sender's own words, a certificate's, a server's), so nothing of it moves the cursor.</summary>
internal static class Terminal
{
    public static void WriteLine(string line = "") => Console.WriteLine(PlainText.OneLine(line));
}
