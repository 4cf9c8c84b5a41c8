using System.Globalization;

namespace StsFunctions.Bench;

/// <summary>The memory of a process, in MiB.</summary>
/// <param name="Resident">VmRSS: all of its pages, those of files that other processes map as well included. It does not depend on other processes.</param>
/// <param name="Anonymous">RssAnon: the pages of this process alone, without files.</param>
/// <param name="Peak">VmHWM: the largest resident set so far.</param>
internal sealed record ProcessMemory(double Resident, double Anonymous, double Peak)
{
    public static ProcessMemory Of(int process)
    {
        var status = File.ReadLines($"/proc/{process}/status").Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        return new ProcessMemory(Mebibytes("VmRSS"), Mebibytes("RssAnon"), Mebibytes("VmHWM"));

        double Mebibytes(string field) => long.Parse(status[field].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) / 1024.0;
    }
}
