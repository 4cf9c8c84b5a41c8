using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace StsFunctions.Package;

/// <summary>What a Linux binary says of itself.</summary>
public static partial class Elf
{
    private const ushort X64 = 62;
    private const int MachineOffset = 18;

    /// <summary>Whether a file is an x86-64 Linux binary.</summary>
    public static bool IsX64(ReadOnlySpan<byte> file) =>
        IsElf(file) && BinaryPrimitives.ReadUInt16LittleEndian(file[MachineOffset..]) == X64;

    /// <summary>Whether a file is a Linux binary of any kind.</summary>
    public static bool IsElf(ReadOnlySpan<byte> file) => file.Length > MachineOffset + 1 && file.StartsWith("\u007fELF"u8);

    /// <summary>The newest glibc that a binary asks for, by the names of the symbol versions in it; null where it asks for none.</summary>
    public static Version? NewestGlibc(ReadOnlySpan<byte> file)
    {
        Version? newest = null;
        foreach (var match in GlibcVersion().EnumerateMatches(Encoding.Latin1.GetString(file)))
        {
            var text = Encoding.Latin1.GetString(file.Slice(match.Index, match.Length));
            var version = new Version(2, int.Parse(text["GLIBC_2.".Length..], CultureInfo.InvariantCulture));
            newest = newest is null || version > newest ? version : newest;
        }

        return newest;
    }

    [GeneratedRegex(@"GLIBC_2\.\d{1,3}")]
    private static partial Regex GlibcVersion();
}
