using System.Diagnostics;

namespace StsFunctions.Package;

/// <summary>Publishes the app into <c>dist/app</c>: native code where that will start on Azure, ReadyToRun otherwise.</summary>
public static class Publisher
{
    private static readonly string s_root = RootOf(AppContext.BaseDirectory);

    /// <summary>Where azure.yaml looks for the package.</summary>
    public static string PackageFile { get; } = Path.Combine(s_root, "dist", "StsFunctions.zip");

    /// <summary>Publishes, and looks through what was published.</summary>
    /// <exception cref="PackageException">It cannot be published.</exception>
    public static async Task<PublishedApp> PublishAsync(bool readyToRun, CancellationToken cancellation)
    {
        var app = await PublishOnceAsync(readyToRun, cancellation);
        if (app.RunsOnAzure || !app.IsNative)
        {
            return app;
        }

        Console.WriteLine($"Native code that is linked here needs glibc {app.Glibc}, and Azure's image has {PublishedApp.NewestGlibc}; publishing as ReadyToRun.");
        return await PublishOnceAsync(readyToRun: true, cancellation);
    }

    private static async Task<PublishedApp> PublishOnceAsync(bool readyToRun, CancellationToken cancellation)
    {
        var folder = Path.Combine(s_root, "dist", "app");
        if (Directory.Exists(folder))
        {
            // What an earlier publish left behind would be deployed with it.
            Directory.Delete(folder, recursive: true);
        }

        var functions = Path.Combine(s_root, "functions");
        string[] how = readyToRun ? ["-p:LinksNatively=false"] : [];
        var start = new ProcessStartInfo("dotnet", ["publish", functions, "-c", "Release", "-o", folder, "--nologo", .. how])
        {
            RedirectStandardOutput = true,
        };
        using var publish = Process.Start(start)!;
        var output = await publish.StandardOutput.ReadToEndAsync(cancellation);
        await publish.WaitForExitAsync(cancellation);
        return publish.ExitCode == 0
            ? PublishedApp.Read(folder)
            : throw new PackageException($"dotnet publish failed:\n{output}\nWhere the linker is at fault, --ready-to-run publishes without one.");
    }

    private static string RootOf(string folder)
    {
        while (!File.Exists(Path.Combine(folder, "azure.yaml")))
        {
            folder = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(folder))
                ?? throw new PackageException("azure.yaml is in no folder above this program; run it from the repository: dotnet run --project infra/package");
        }

        return folder;
    }
}
