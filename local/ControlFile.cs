using System.Text.Json;

namespace StsFunctions.Local;

/// <summary>Where a running system takes commands from another terminal, and the token that they must bring.</summary>
/// <param name="Address">A loopback address.</param>
/// <param name="Token">Readable by those who may read the data folder: a page in a browser, or another user, knows at most the port.</param>
internal sealed record ControlFile(Uri Address, string Token)
{
    /// <summary>Reads it; null if no system has written one.</summary>
    public static async Task<ControlFile?> ReadAsync(string dataFolder, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = File.OpenRead(PathIn(dataFolder));
            return await JsonSerializer.DeserializeAsync<ControlFile>(file, cancellationToken: cancellationToken);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes it, for this user alone to read.</summary>
    public async Task WriteAsync(string dataFolder, CancellationToken cancellationToken)
    {
        var path = PathIn(dataFolder);
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var file = new FileStream(path, options);
        await JsonSerializer.SerializeAsync(file, this, cancellationToken: cancellationToken);
    }

    /// <summary>Deletes it; its folder may already be deleted.</summary>
    public static void Delete(string dataFolder)
    {
        if (File.Exists(PathIn(dataFolder)))
        {
            File.Delete(PathIn(dataFolder));
        }
    }

    private static string PathIn(string dataFolder) => Path.Combine(dataFolder, "control.json");
}
