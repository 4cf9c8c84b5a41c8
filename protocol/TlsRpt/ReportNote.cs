using System.Globalization;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>How a report bent the rules: one note for each deviation, however often it comes.</summary>
/// <param name="Deviation">The deviation.</param>
/// <param name="Where">Where it occurred first.</param>
/// <param name="What">The text there, cut, in visible ASCII; or empty.</param>
/// <param name="Times">How often it occurred.</param>
public sealed record ReportNote(Deviation Deviation, string Where, string What = "", int Times = 1)
{
    /// <summary>One line: the code first.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Deviation.Code}: {Where}{(What.Length > 0 ? $" {What}" : "")}{(Times > 1 ? $" ({Times} times)" : "")}");
}
