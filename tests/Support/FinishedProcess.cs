using System.Diagnostics;

namespace StsFunctions.Tests;

/// <summary>A program that ran to its end, and all that it wrote.</summary>
internal sealed record FinishedProcess(int ExitCode, string Output, string Errors)
{
    /// <summary>Runs a program. Both streams are read side by side, so that neither fills up.</summary>
    public static async Task<FinishedProcess> RunAsync(ProcessStartInfo start, CancellationToken cancellationToken)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return new FinishedProcess(process.ExitCode, await output, await errors);
    }
}
