using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace StsFunctions.Fuzz;

/// <summary>Which branches of the instrumented code inputs have taken.</summary>
internal sealed unsafe class CoverageMap
{
    private const int Size = 1 << 16;

    private readonly byte* _counts = (byte*)NativeMemory.AllocZeroed(Size);
    private readonly HashSet<int> _covered = [];

    public CoverageMap() => Trace.SharedMem = _counts;

    /// <summary>How many branches were ever taken.</summary>
    public int Branches => _covered.Count;

    /// <summary>Whether an input takes a branch that none did before.</summary>
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
            isNew |= _counts[branch] > 0 && _covered.Add(branch);
        }

        return isNew;
    }
}
