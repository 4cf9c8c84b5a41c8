using System.Globalization;

namespace StsFunctions.Bench;

/// <summary>Two of the same kind, measured one after the other.</summary>
internal interface IPair<out T>
{
    /// <summary>What it is about.</summary>
    T A { get; }

    /// <summary>What that is beside.</summary>
    T B { get; }
}

/// <summary>One figure of two things over several rounds.</summary>
/// <param name="What">The figure's name, with its unit.</param>
/// <param name="Format">How it is written.</param>
/// <param name="A">What it is about.</param>
/// <param name="B">What that is beside.</param>
/// <param name="Ratio">The median of A over the median of B: rounds of a busy machine differ by more than the two do.</param>
/// <param name="OfPairs">A over B, round by round.</param>
internal sealed record Compared(string What, string Format, Statistics A, Statistics B, double Ratio, Statistics OfPairs)
{
    public static string[] Columns(string a, string b) => ["", a, b, $"{a} / {b}", "by rounds", $"{a} min - max", $"{b} min - max"];

    public static Compared Of<T>(string what, string format, IReadOnlyList<IPair<T>> pairs, Func<T, double> figure)
    {
        var (a, b) = (Statistics.Of(pairs.Select(pair => figure(pair.A))), Statistics.Of(pairs.Select(pair => figure(pair.B))));
        return new Compared(what, format, a, b, a.Median / b.Median, Statistics.Of(pairs.Select(pair => figure(pair.A) / figure(pair.B))));
    }

    public string[] Row() =>
    [
        What, A.Median.ToString(Format, CultureInfo.InvariantCulture), B.Median.ToString(Format, CultureInfo.InvariantCulture), Ratio.ToString("0.00", CultureInfo.InvariantCulture),
        OfPairs.Ends("0.00"), A.Ends(Format), B.Ends(Format),
    ];
}
