using System.Numerics;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace StsFunctions.Fuzz;

/// <summary>Which branches of the instrumented code inputs have taken, and how often, as AFL counts: by powers of two.</summary>
internal sealed unsafe class CoverageMap
{
    private const int Size = 1 << 16;

    private readonly byte* _counts = (byte*)NativeMemory.AllocZeroed(Size);
    private readonly HashSet<(int Branch, int Magnitude)> _seen = [];

    public CoverageMap() => Trace.SharedMem = _counts;

    /// <summary>How many branches were ever taken.</summary>
    public int Branches => _seen.Select(taken => taken.Branch).Distinct().Count();

    /// <summary>Whether an input takes a branch that none did before, or one more often by a magnitude.</summary>
    public bool IsNew(Action run)
    {
        // The first time counts what is initialised once.
        run();
        new Span<byte>(_counts, Size).Clear();
        Trace.PrevLocation = 0;
        run();
        var isNew = false;
        for (var branch = 0; branch < Size; branch++)
        {
            isNew |= _counts[branch] > 0 && _seen.Add((branch, BitOperations.Log2(_counts[branch])));
        }

        return isNew;
    }
}
