namespace StsFunctions.Local.FunctionsHost;

/// <summary>One line of the host's log.</summary>
/// <param name="Level">The handler's stdout is Information; its stderr is Error, or Warning where the line says "warn".</param>
/// <param name="Source"><c>host</c>, <c>handler</c>, or the name of the function whose answer carried the line.</param>
/// <param name="Text">The line, without its end.</param>
public sealed record HostLog(LogLevel Level, string Source, string Text)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Level} {Source}: {Text}";
}
