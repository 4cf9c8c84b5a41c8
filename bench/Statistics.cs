using System.Globalization;

namespace StsFunctions.Bench;

/// <summary>The middle and the ends of several measurements of one thing.</summary>
internal sealed record Statistics(double Median, double Min, double Max)
{
    /// <summary>Of an odd number of values, so that the median is one that was measured.</summary>
    public static Statistics Of(IEnumerable<double> values)
    {
        var ordered = values.Order().ToArray();
        return new Statistics(ordered[ordered.Length / 2], ordered[0], ordered[^1]);
    }

    /// <summary>Both ends as text, each in <paramref name="format"/>.</summary>
    public string Ends(string format) => $"{Min.ToString(format, CultureInfo.InvariantCulture)} - {Max.ToString(format, CultureInfo.InvariantCulture)}";
}
