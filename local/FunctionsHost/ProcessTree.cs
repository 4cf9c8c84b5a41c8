using System.Diagnostics;
using System.Globalization;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Processes that were started by processes that were started here.</summary>
internal static class ProcessTree
{
    /// <summary>The children of a process, their children, and so on. Linux alone says so without a library.</summary>
    public static IEnumerable<int> Descendants(int process)
    {
        var children = Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0)
            .ToLookup(Parent);
        var found = new Queue<int>(children[process]);
        while (found.TryDequeue(out var child))
        {
            yield return child;
            foreach (var grandchild in children[child])
            {
                found.Enqueue(grandchild);
            }
        }
    }

    /// <summary>The arguments that a process was started with; none if it has ended.</summary>
    public static IReadOnlyList<string> CommandLine(int process) => Read(process, "cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>SIGKILL; a process that has already ended is ignored.</summary>
    public static void Kill(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            found.Kill();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
        }
    }

    /// <summary>Ends a process if this one is killed: a pipe breaks, which a shell detects. Windows has no equivalent.</summary>
    public static Process? Watch(int process) => OperatingSystem.IsWindows()
        ? null
        : Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "read -r _; kill -9 \"$1\" 2>/dev/null", "sh", $"{process}"]) { RedirectStandardInput = true });

    // The name in the second field may hold blanks and brackets; the parent is the second field after it.
    private static int Parent(int process)
    {
        var stat = Read(process, "stat");
        return stat.LastIndexOf(')') is > 0 and var end && int.TryParse(stat[(end + 2)..].Split(' ')[1], NumberStyles.None, CultureInfo.InvariantCulture, out var parent) ? parent : 0;
    }

    private static string Read(int process, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
