namespace StsFunctions.Bench;

/// <summary>Progress as lines on stderr, each with its time; stdout is for figures.</summary>
internal sealed class ErrorLineProgress : IProgress<string>
{
    public void Report(string value) => Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss}  {value}");
}
