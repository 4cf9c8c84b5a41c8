using Xunit;

namespace StsFunctions.Tests.Protocol;

/// <summary>Proves that work grows with the input and not with its square, by bytes allocated: it does not hang on the machine's speed.</summary>
internal static class Growth
{
    /// <summary>Input twice the size may cost twice the bytes, and a tenth for what is paid once or rounded up.</summary>
    public static void AssertLinear(int n, Func<int, Action> workOf)
    {
        var (once, twice) = (workOf(n), workOf(2 * n));
        once();
        twice();
        var single = Allocated(once);
        var doubled = Allocated(twice);
        Assert.True(doubled <= (2.2 * single) + 4096, $"{n} took {single} bytes, {2 * n} took {doubled}");
    }

    private static long Allocated(Action work)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
