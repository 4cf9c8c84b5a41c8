namespace StsFunctions.Local.Lab;

/// <summary>The result of a command line.</summary>
/// <param name="IsDone">Whether it was understood and done.</param>
/// <param name="Text">The answer; if it was not done, what to type instead.</param>
public sealed record CommandAnswer(bool IsDone, string Text)
{
    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>A command.</summary>
/// <param name="Verb">The first word.</param>
/// <param name="Arguments">The others, as <c>help</c> shows them.</param>
/// <param name="Does">What it does, in one line.</param>
/// <param name="Run">Runs it, and returns null if the arguments are not valid.</param>
internal sealed record Command(string Verb, string Arguments, string Does, Func<string[], string?> Run)
{
    /// <summary>How it is typed.</summary>
    public string Usage => $"{Verb} {Arguments}".TrimEnd();

    /// <summary>Its line in the list of commands.</summary>
    public string Line => $"{Usage,-26} {Does}";
}
