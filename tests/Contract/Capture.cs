using System.Text;

namespace StsFunctions.Tests.Contract;

/// <summary>A request as the Functions host sent it to a handler; a chunked body is written here without its framing.</summary>
internal sealed record Capture(string Head, byte[] Body)
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Contract", "captures");

    public static IEnumerable<string> All => Directory.EnumerateFiles(Folder).Select(path => Path.GetFileName(path)!).Order();

    public static Capture Read(string name)
    {
        var text = File.ReadAllText(Path.Combine(Folder, name)).ReplaceLineEndings("\n");
        var parts = text.Split("\n\n", 2);
        return new Capture(parts[0], Encoding.UTF8.GetBytes(parts is [_, var body] ? body.Trim() : ""));
    }
}
