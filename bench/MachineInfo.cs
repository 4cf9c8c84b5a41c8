using System.Globalization;
using System.Runtime.InteropServices;

namespace StsFunctions.Bench;

/// <summary>Where the figures come from.</summary>
internal static class MachineInfo
{
    /// <summary>One line on this machine and how busy it is: other people's work on it slows whatever is measured.</summary>
    public static string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores, {RuntimeInformation.RuntimeIdentifier}, load average {File.ReadAllText("/proc/loadavg").Split(' ')[0]} at the start");
}
