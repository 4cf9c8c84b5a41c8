using System.CommandLine;

namespace StsFunctions.CommandLine;

/// <summary>The command line for people.</summary>
internal static class Commands
{
    public const int Ok = 0;
    public const int Refused = 1;
    public const int WrongUse = 2;

    public static async Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("Managed MTA-STS (RFC 8461) and TLS reporting (RFC 8460). ")
        {
            DomainCommands.Create(),
            PolicyCommands.Create(),
            CheckCommand.Create(),
            AgentCommand.Create(),
            ReportCommands.Create(),
        };
        var parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
        var code = await parsed.InvokeAsync();
        return parsed.Errors.Count > 0 ? WrongUse : code;
    }
}
