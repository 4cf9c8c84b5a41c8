using System.CommandLine;

namespace StsFunctions.Cli;

/// <summary>The command line for people.</summary>
internal static class Commands
{
    public const int Ok = 0;
    public const int Refused = 1;
    public const int WrongUse = 2;

    // An argument that starts with @ is taken literally: otherwise an argument from a script could have any file read and repeated in an error.
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    public static async Task<int> RunAsync(string[] args)
    {
        var parsed = Parse(args);
        var code = await parsed.InvokeAsync();
        return parsed.Errors.Count > 0 ? WrongUse : code;
    }

    public static ParseResult Parse(string[] args)
    {
        var root = new RootCommand("Managed MTA-STS (RFC 8461) and TLS reporting (RFC 8460).")
        {
            DomainCommands.Create(),
            PolicyCommands.Create(),
            CheckCommand.Create(),
            AgentCommand.Create(),
            ReportCommands.Create(),
            SetupCommand.Create(),
        };
        return root.Parse(args.Length == 0 ? ["--help"] : args, Parsing);
    }
}
