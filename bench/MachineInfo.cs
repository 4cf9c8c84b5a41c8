using System.Globalization;
using System.Runtime.InteropServices;

namespace StsFunctions.Bench;

/// <summary>The machine of the figures.</summary>
internal static class MachineInfo
{
    /// <summary>One line about this machine and its load: other work on it slows the measurement.</summary>
    public static string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{DateTime.UtcNow:yyyy-MM-dd}, {Environment.ProcessorCount} cores, {RuntimeInformation.RuntimeIdentifier}, load average {File.ReadAllText("/proc/loadavg").Split(' ')[0]} at the start");
}
