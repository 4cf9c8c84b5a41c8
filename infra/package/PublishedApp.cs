using System.Text.Json;

namespace StsFunctions.Package;

/// <summary>A published folder that was looked through: what is in it, and what it needs.</summary>
/// <param name="Folder">Where it is.</param>
/// <param name="Files">Its files, by paths with forward slashes, in order.</param>
/// <param name="IsNative">Native code stands alone; ReadyToRun has its assemblies beside it.</param>
/// <param name="Glibc">The newest glibc that its binaries ask for.</param>
public sealed record PublishedApp(string Folder, IReadOnlyList<string> Files, bool IsNative, Version Glibc)
{
    /// <summary>What the Functions host starts.</summary>
    public const string Executable = "StsFunctions";

    /// <summary>Azure's image for custom handlers on Flex Consumption is Debian 12.</summary>
    public static readonly Version NewestGlibc = new(2, 36);

    /// <summary>Whether Azure's image has the glibc that it asks for.</summary>
    public bool RunsOnAzure => Glibc <= NewestGlibc;

    private bool IsWhole => Files.Contains("host.json") && Files.Any(file => file.EndsWith("/function.json", StringComparison.Ordinal));

    /// <summary>Looks through a folder.</summary>
    /// <exception cref="PackageException">It is not a published app, or holds what must not be deployed.</exception>
    public static PublishedApp Read(string folder)
    {
        var executable = Path.Combine(folder, Executable);
        if (!File.Exists(executable))
        {
            throw new PackageException($"{folder}: there is no {Executable} in it; publish the app for linux-x64 first: dotnet publish functions -c Release -o {folder}");
        }

        if (!Elf.IsX64(File.ReadAllBytes(executable)))
        {
            throw new PackageException($"{executable} is not a program for 64-bit Linux on x86, which Azure runs; publish without -r, or with -r linux-x64.");
        }

        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Order(StringComparer.Ordinal)];
        var isNative = !files.Contains($"{Executable}.dll");
        if (files.Where(file => !Belongs(file, isNative)).ToList() is { Count: > 0 } strangers)
        {
            throw new PackageException($"{folder} holds what the app does not need: {string.Join(", ", strangers.Take(10))}{(strangers.Count > 10 ? ", …" : "")}. Delete the folder, and publish again.");
        }

        var glibc = files
            .Select(file => File.ReadAllBytes(Path.Combine(folder, file)))
            .Where(bytes => Elf.IsElf(bytes))
            .Max(bytes => Elf.NewestGlibc(bytes)) ?? new Version(2, 0);
        var app = new PublishedApp(folder, files, isNative, glibc);
        return app.IsWhole && app.NamesItsExecutable()
            ? app
            : throw new PackageException($"{folder} is not whole: host.json, which names {Executable}, and a folder with a function.json for each function belong in it. Publish again.");
    }

    private bool NamesItsExecutable()
    {
        using var host = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "host.json")));
        return host.RootElement.TryGetProperty("customHandler", out var handler)
            && handler.GetProperty("description").GetProperty("defaultExecutablePath").GetString() == Executable;
    }

    // Known by name or by kind: what is new must be looked at once, before it is deployed for years.
    private static bool Belongs(string file, bool isNative) => file switch
    {
        Executable or "host.json" => true,
        _ when file.Count('/') == 1 => file.EndsWith("/function.json", StringComparison.Ordinal),
        _ when file.Contains('/', StringComparison.Ordinal) || isNative => false,
        $"{Executable}.deps.json" or $"{Executable}.runtimeconfig.json" or "createdump" => true,
        _ => Path.GetExtension(file) is ".dll" or ".so",
    };
}
