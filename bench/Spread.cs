namespace StsFunctions.Bench;

/// <summary>The middle and the ends of several measurements of one thing.</summary>
internal sealed record Spread(double Median, double Min, double Max)
{
    /// <summary>Of an odd number of values, so that the median is one that was measured.</summary>
    public static Spread Of(IEnumerable<double> values)
    {
        var ordered = values.Order().ToArray();
        return new Spread(ordered[ordered.Length / 2], ordered[0], ordered[^1]);
    }

    /// <summary>The three as text, each in <paramref name="format"/>.</summary>
    public string ToString(string format) => FormattableString.Invariant($"{Write(Median, format)} ({Write(Min, format)} - {Write(Max, format)})");

    private static string Write(double value, string format) => value.ToString(format, System.Globalization.CultureInfo.InvariantCulture);
}
