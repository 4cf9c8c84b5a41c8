using System.Globalization;

namespace StsFunctions.Bench;

/// <summary>Two of the same kind, measured one after the other.</summary>
internal interface IPair<out T>
{
    /// <summary>The measured subject.</summary>
    T A { get; }

    /// <summary>The subject that it is compared with.</summary>
    T B { get; }
}

/// <summary>One figure of two things over several rounds.</summary>
/// <param name="What">The figure's name, with its unit.</param>
/// <param name="Format">How it is written.</param>
/// <param name="A">The measured subject.</param>
/// <param name="B">The subject that it is compared with.</param>
/// <param name="Ratio">The median of A over the median of B: on a busy machine rounds differ more than the two subjects.</param>
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
