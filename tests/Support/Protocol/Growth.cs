using System.Diagnostics;
using Xunit;

namespace StsFunctions.Tests.Protocol;

/// <summary>
/// Proves that work grows with the input and not with its square: by bytes allocated, which are exact, and by time, of which only
/// the ratio counts. It does not hang on the machine's speed.
/// </summary>
internal static class Growth
{
    private const int Factor = 64;
    private const int MinMeasurements = 9;
    private const int MaxMeasurements = 90;
    private static readonly TimeSpan LongEnough = TimeSpan.FromMilliseconds(2);

    /// <summary>Measures the work for up to twice as much input as <paramref name="n"/>.</summary>
    public static void AssertLinear(int n, Func<int, Action> workOf)
    {
        var (once, twice) = (workOf(n), workOf(2 * n));
        once();
        twice();
        AssertLinearMemory(once, twice);
        AssertLinearTime(workOf(2 * n / Factor), twice);
    }

    // Input twice the size may cost twice the bytes, and a tenth for what is paid once or rounded up.
    private static void AssertLinearMemory(Action once, Action twice)
    {
        var single = Allocated(once);
        var doubled = Allocated(twice);
        Assert.True(doubled <= (2.2 * single) + 4096, $"the input took {single} bytes, twice the input took {doubled}");
    }

    // The large input once against the small one as often as it is smaller: linear work takes the same time for both (or some times
    // as long, where the large one no longer fits a cache), work that grows with the square 64 times as long. Whatever else the
    // machine does only adds to a measurement, so the shortest one counts.
    private static void AssertLinearTime(Action small, Action large)
    {
        var repeat = 1;
        while (Elapsed(large, repeat) < LongEnough)
        {
            repeat *= 2;
        }

        var (ofSmall, ofLarge) = (TimeSpan.MaxValue, TimeSpan.MaxValue);
        for (var measurement = 0; measurement < MinMeasurements || (measurement < MaxMeasurements && ofLarge >= 4 * ofSmall); measurement++)
        {
            ofSmall = Min(ofSmall, Elapsed(small, Factor * repeat));
            ofLarge = Min(ofLarge, Elapsed(large, repeat));
        }

        Assert.True(ofLarge < 4 * ofSmall, $"{Factor} small inputs took {ofSmall.TotalMilliseconds} ms, one as long as all of them took {ofLarge.TotalMilliseconds} ms");
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Elapsed(Action work, int times)
    {
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < times; i++)
        {
            work();
        }

        return Stopwatch.GetElapsedTime(began);
    }

    private static long Allocated(Action work)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
