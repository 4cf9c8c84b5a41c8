namespace StsFunctions.Local.FunctionsHost;

/// <summary>How to start the worker: worker.config.json, which the build of an isolated worker writes.</summary>
internal sealed record WorkerConfiguration(string Executable, IReadOnlyList<string> Arguments)
{
    private const string WorkerRoot = "{WorkerRoot}";

    /// <exception cref="InvalidDataException">The file is missing, or is not that of an isolated worker.</exception>
    public static WorkerConfiguration Read(string appRoot)
    {
        var path = Path.Combine(appRoot, "worker.config.json");
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path} is missing: give the folder that holds the published app.");
        }

        using var document = HostJson.Parse(path);
        if (!document.RootElement.TryAt(out var description, "description") || description.Text("defaultExecutablePath") is not { Length: > 0 } executable)
        {
            throw new InvalidDataException($"{path} has no description.defaultExecutablePath: it names the executable to start.");
        }

        return new WorkerConfiguration(OnPath(InApp(executable)), description.Text("defaultWorkerPath") is { Length: > 0 } worker ? [InApp(worker)] : []);

        string InApp(string file) => file.Replace(WorkerRoot, appRoot + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }

    // The host finds it on the PATH; .NET would search the folder of its own executable first.
    private static string OnPath(string executable) => Path.GetFileName(executable) != executable
        ? executable
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, executable)).FirstOrDefault(File.Exists) ?? executable;
}
