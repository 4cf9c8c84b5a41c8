using System.Diagnostics;
using System.Runtime.Versioning;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>Runs the real scripts, with programs called <c>az</c> and <c>azd</c> on the path that answer as a test defines and record each call.</summary>
[UnsupportedOSPlatform("windows")]
public abstract class HookRunner : IAsyncLifetime
{
    // Notes the call; answers with the first line of the answers whose pattern fits, and with nothing where none does.
    private const string Stub = """
        #!/bin/sh
        printf '%s %s\n' "$(basename "$0")" "$*" >> "$STUB_CALLS"
        while IFS='|' read -r pattern code output; do
            case "$*" in
                $pattern)
                    [ -z "$output" ] || printf "$output\n"
                    exit "$code"
                    ;;
            esac
        done < "$STUB_ANSWERS"
        exit 0
        """;

    /// <summary>A script that ran to its end, and the calls that it made.</summary>
    protected sealed record Run(int ExitCode, string Output, string Errors, IReadOnlyList<string> Calls);

    public static TheoryData<string> Shells => OperatingSystem.IsWindows() ? ["pwsh"] : ["sh", "pwsh"];

    private static readonly string Templates = Path.Combine(StsFunctions.Local.Repository.Root, "infra");

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The copy of the repository that the scripts take for theirs: infra/, and what a test puts beside it.</summary>
    protected string Root { get; } = Directory.CreateTempSubdirectory("sts-hooks-").FullName;

    public ValueTask InitializeAsync()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The programs that stand in for az and azd are sh scripts.");
        foreach (var file in Directory.GetFiles(Templates, "*", SearchOption.AllDirectories).Where(file => Path.GetExtension(file) is ".sh" or ".ps1" or ".json"))
        {
            var copy = Path.Combine(Root, "infra", Path.GetRelativePath(Templates, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        AddStub("az");
        AddStub("azd");
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Root, recursive: true);
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Puts a program on the path, or into another folder.</summary>
    protected void AddStub(string program, string? folder = null, string content = Stub)
    {
        var file = Path.Combine(folder ?? Path.Combine(Root, "bin"), program);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    protected Task<Run> RunAsync(string shell, string hook, string[] answers, params (string Name, string Value)[] environment) =>
        RunAsync(shell, hook, answers, [], environment);

    protected async Task<Run> RunAsync(string shell, string hook, string[] answers, string[] arguments, params (string Name, string Value)[] environment)
    {
        var (calls, replies) = (Path.Combine(Root, "calls"), Path.Combine(Root, "answers"));
        await File.WriteAllTextAsync(calls, "", Cancellation);
        await File.WriteAllTextAsync(replies, string.Concat(answers.Select(answer => answer + "\n")), Cancellation);
        var start = shell == "sh"
            ? new ProcessStartInfo("sh", [Path.Combine(Root, "infra", "hooks", $"{hook}.sh"), .. arguments])
            : new ProcessStartInfo("dotnet", ["exec", await PowerShell.PathAsync(), "-NoProfile", "-File", Path.Combine(Root, "infra", "hooks", $"{hook}.ps1"), .. arguments]);
        start.WorkingDirectory = Root;
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("STS_", StringComparison.OrdinalIgnoreCase) || name.StartsWith("AZURE_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["PATH"] = $"{Path.Combine(Root, "bin")}:{start.Environment["PATH"]}";
        start.Environment["STUB_CALLS"] = calls;
        start.Environment["STUB_ANSWERS"] = replies;
        start.Environment["AZURE_ENV_NAME"] = "case";
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["NO_COLOR"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var run = await FinishedProcess.RunAsync(start, Cancellation);
        return new Run(run.ExitCode, run.Output.TrimEnd(), run.Errors.TrimEnd(), await File.ReadAllLinesAsync(calls, Cancellation));
    }
}
