using System.Runtime.InteropServices;

namespace StsFunctions.Tests.RealServers;

/// <summary>
/// Users that a server insists on and this machine need not have. Two libraries of the cwrap project, loaded before the server's own,
/// make it see them, and see itself change into them, while it stays who it is.
/// </summary>
/// <param name="Environment">What the server is to find in its environment.</param>
internal sealed record PretendedUsers(IReadOnlyDictionary<string, string> Environment)
{
    private const uint FirstId = 101;

    /// <summary>Users, each in a group of its own, and further groups.</summary>
    /// <param name="folder">Where the lists of users and groups are written to.</param>
    /// <param name="asRoot">Whether the server is to take itself for root; without that it takes itself, and the first of its users, for the user who runs the tests.</param>
    /// <param name="users">The users.</param>
    /// <param name="groups">The further groups.</param>
    public static PretendedUsers Of(string folder, bool asRoot, string[] users, params string[] groups)
    {
        var (passwd, group) = (Path.Combine(folder, "passwd"), Path.Combine(folder, "group"));
        uint Id(int n, uint own) => !asRoot && n == 0 ? own : FirstId + (uint)n;
        File.WriteAllLines(passwd, users.Select((name, n) => $"{name}:x:{Id(n, geteuid())}:{Id(n, getegid())}::/:/bin/sh").Prepend("root:x:0:0::/:/bin/sh"));
        File.WriteAllLines(group, users.Concat(groups).Select((name, n) => $"{name}:x:{Id(n, getegid())}:").Prepend("root:x:0:"));

        var environment = new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = asRoot ? "libnss_wrapper.so:libuid_wrapper.so" : "libnss_wrapper.so",
            ["NSS_WRAPPER_PASSWD"] = passwd,
            ["NSS_WRAPPER_GROUP"] = group,
        };
        if (asRoot)
        {
            (environment["UID_WRAPPER"], environment["UID_WRAPPER_ROOT"]) = ("1", "1");
        }

        return new PretendedUsers(environment);
    }

    [DllImport("libc")]
    private static extern uint geteuid();

    [DllImport("libc")]
    private static extern uint getegid();
}
