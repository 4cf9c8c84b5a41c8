using System.Diagnostics;
using System.Globalization;

namespace StsFunctions.Bench;

/// <summary>Processor time, user and system.</summary>
internal static class ProcessorTime
{
    /// <summary>What a process and its children, and theirs, have used so far.</summary>
    public static TimeSpan OfTree(int id)
    {
        using var process = Process.GetProcessById(id);
        return ChildrenOf(id).Aggregate(process.TotalProcessorTime, (sum, child) => sum + OfTree(child));
    }

    private static IEnumerable<int> ChildrenOf(int id) => File.ReadAllText($"/proc/{id}/task/{id}/children")
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(child => int.Parse(child, CultureInfo.InvariantCulture));
}
