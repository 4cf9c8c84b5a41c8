using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;

namespace StsFunctions.Package;

/// <summary>Writes the package: the same files give the same bytes, and the executable is executable wherever it is unpacked.</summary>
public static class Zip
{
    private const int Regular = 0b1_000_000 << 9;
    private const int MayRun = Regular | 0b111_101_101;
    private const int MayRead = Regular | 0b110_100_100;
    private const byte Unix = 3;

    // The earliest that the format knows: when a file was written is not part of what it says.
    private static readonly DateTimeOffset Always = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Packs an app, and says in one line what was packed.</summary>
    /// <exception cref="PackageException">It would not start on Azure.</exception>
    public static string Write(PublishedApp app, string zip)
    {
        if (!app.RunsOnAzure)
        {
            throw new PackageException(
                $"{app.Folder} needs glibc {app.Glibc}, and Azure's image has {PublishedApp.NewestGlibc}: the app would not start there. "
                + "Publish on Debian 12 or Ubuntu 22.04, or as ReadyToRun (--ready-to-run).");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(zip))!);
        var bytes = ToBytes(app);
        File.WriteAllBytes(zip, bytes);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{zip}: {(app.IsNative ? "native code" : "ReadyToRun")} for linux-x64, needs glibc {app.Glibc} of {PublishedApp.NewestGlibc}, {app.Files.Count} files, {bytes.Length / 1e6:f1} MB, sha256 {Convert.ToHexStringLower(SHA256.HashData(bytes))}");
    }

    private static byte[] ToBytes(PublishedApp app)
    {
        using var memory = new MemoryStream();
        using (var archive = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var file in app.Files)
            {
                var entry = archive.CreateEntry(file, CompressionLevel.SmallestSize);
                entry.LastWriteTime = Always;
                // By name, not as the disk has it: Windows knows no such bit.
                entry.ExternalAttributes = (file is PublishedApp.Executable or "createdump" ? MayRun : MayRead) << 16;
                using var content = entry.Open();
                using var source = File.OpenRead(Path.Combine(app.Folder, file));
                source.CopyTo(content);
            }
        }

        var bytes = memory.ToArray();
        SayMadeByUnix(bytes, app.Files.Count);
        return bytes;
    }

    // The attributes count as Unix modes only in an entry that says it was made there, which .NET says on Unix alone.
    private static void SayMadeByUnix(Span<byte> zip, int entries)
    {
        const int endLength = 22, startInEnd = 16, headerLength = 46, madeBySystem = 5, nameLength = 28, extraLength = 30, commentLength = 32;
        var at = (int)BinaryPrimitives.ReadUInt32LittleEndian(zip[(zip.Length - endLength + startInEnd)..]);
        for (var entry = 0; entry < entries; entry++)
        {
            var header = zip[at..];
            header[madeBySystem] = Unix;
            at += headerLength
                + BinaryPrimitives.ReadUInt16LittleEndian(header[nameLength..])
                + BinaryPrimitives.ReadUInt16LittleEndian(header[extraLength..])
                + BinaryPrimitives.ReadUInt16LittleEndian(header[commentLength..]);
        }
    }
}
