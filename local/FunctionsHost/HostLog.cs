namespace StsFunctions.Local.FunctionsHost;

/// <summary>One line of the log.</summary>
/// <param name="Level">The worker's stdout is Information; its stderr is Error, or Warning where the line says "warn".</param>
/// <param name="Source"><c>host</c>, <c>worker</c> for its output, or the category of a log entry that the worker sent to the host.</param>
/// <param name="Text">The line, without its end.</param>
public sealed record HostLog(LogLevel Level, string Source, string Text)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Level} {Source}: {Text}";
}
