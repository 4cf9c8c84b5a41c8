using System.IO.Compression;
using System.Runtime.Versioning;
using System.Text;
using StsFunctions.Package;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>What is deployed: the same from the same files, executable wherever it is unpacked, and nothing that Azure could not start.</summary>
public sealed class PackageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sts-package-").FullName;

    private string App => Path.Combine(_folder, "app");

    [Fact]
    public void The_same_files_give_the_same_bytes_whenever_and_in_whatever_order_they_were_written()
    {
        Publish("GLIBC_2.34");
        var first = Pack("first.zip");

        Directory.Delete(App, recursive: true);
        Publish("GLIBC_2.34", newestFirst: true);
        foreach (var file in Directory.GetFiles(App, "*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, new DateTime(2031, 5, 17, 4, 5, 6, DateTimeKind.Utc));
        }

        Assert.Equal(first, Pack("second.zip"));
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Unpacked_the_executable_is_executable_and_everything_else_is_readable()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such bits to unpack.");
        Publish("GLIBC_2.34");
        File.SetUnixFileMode(Path.Combine(App, "StsFunctions"), UnixFileMode.UserRead);
        Pack("app.zip");

        ZipFile.ExtractToDirectory(Path.Combine(_folder, "app.zip"), Path.Combine(_folder, "unpacked"));

        Assert.Equal("rwxr-xr-x", Mode("StsFunctions"));
        Assert.Equal("rw-r--r--", Mode("host.json"));
        Assert.Equal("rw-r--r--", Mode("ServePolicy/function.json"));

        string Mode(string file)
        {
            var mode = (int)File.GetUnixFileMode(Path.Combine(_folder, "unpacked", file));
            return string.Concat("rwxrwxrwx".Select((letter, bit) => (mode & (1 << (8 - bit))) == 0 ? '-' : letter));
        }
    }

    [Fact]
    public void Every_entry_says_that_Unix_made_it_so_that_its_bits_count_also_when_Windows_did()
    {
        Publish("GLIBC_2.34");
        var zip = Pack("app.zip");

        var headers = Enumerable.Range(0, zip.Length - 4).Where(at => zip.AsSpan(at, 4).SequenceEqual("PK\u0001\u0002"u8)).ToList();
        Assert.Equal(3, headers.Count);
        Assert.All(headers, header => Assert.Equal(3, zip[header + 5]));
    }

    [Fact]
    public void One_line_says_what_was_packed()
    {
        Publish("GLIBC_2.14", "GLIBC_2.9", "GLIBC_2.34");

        var line = Zip.Write(PublishedApp.Read(App), Path.Combine(_folder, "app.zip"));

        Assert.Matches(@"app\.zip: native code for linux-x64, needs glibc 2\.34 of 2\.36, 3 files, \d+\.\d MB, sha256 [0-9a-f]{64}$", line);
        Assert.DoesNotContain('\n', line);
    }

    [Fact]
    public void ReadyToRun_has_its_assemblies_beside_it_and_is_called_so()
    {
        Publish("GLIBC_2.17");
        File.WriteAllText(Path.Combine(App, "StsFunctions.dll"), "");
        File.WriteAllText(Path.Combine(App, "Azure.Core.dll"), "");
        File.WriteAllText(Path.Combine(App, "StsFunctions.deps.json"), "");
        File.WriteAllBytes(Path.Combine(App, "libcoreclr.so"), Binary("GLIBC_2.27"));

        Assert.Contains(": ReadyToRun for linux-x64, needs glibc 2.27 of 2.36, 7 files", Zip.Write(PublishedApp.Read(App), Path.Combine(_folder, "app.zip")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GLIBC_2.37")]
    [InlineData("GLIBC_2.100")]
    public void A_binary_that_needs_a_newer_glibc_than_Azures_image_has_is_refused(string version)
    {
        Publish("GLIBC_2.34", version);

        var refusal = Assert.Throws<PackageException>(() => Pack("app.zip"));

        Assert.Contains($"needs glibc {version["GLIBC_".Length..]}, and Azure's image has 2.36", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--ready-to-run", refusal.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "app.zip")));
    }

    [Theory]
    [InlineData("GLIBC_2.36")]
    [InlineData("GLIBC_2.2.5")]
    [InlineData("GLIBC_PRIVATE")]
    public void One_that_asks_for_no_more_is_packed(string version)
    {
        Publish(version);

        Assert.NotEmpty(Pack("app.zip"));
    }

    [Theory]
    [InlineData("StsFunctions.pdb")]
    [InlineData("StsFunctions.dbg")]
    [InlineData("StsFunctions.xml")]
    [InlineData("appsettings.json")]
    [InlineData("local.settings.json")]
    [InlineData(".env")]
    [InlineData("id_rsa")]
    [InlineData("Azure.Core.dll")]
    [InlineData("ServePolicy/notes.txt")]
    [InlineData("de/System.CommandLine.resources.dll")]
    public void What_the_app_does_not_need_is_not_deployed(string stranger)
    {
        Publish("GLIBC_2.34");
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(App, stranger))!);
        File.WriteAllText(Path.Combine(App, stranger), "");

        Assert.Contains(stranger, Assert.Throws<PackageException>(() => Pack("app.zip")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("host.json")]
    [InlineData("ServePolicy/function.json")]
    [InlineData("StsFunctions")]
    public void A_folder_that_is_not_whole_is_refused(string missing)
    {
        Publish("GLIBC_2.34");
        File.Delete(Path.Combine(App, missing));

        Assert.Throws<PackageException>(() => Pack("app.zip"));
    }

    [Theory]
    [InlineData(new byte[] { 0xcf, 0xfa, 0xed, 0xfe })]
    [InlineData(new byte[] { (byte)'M', (byte)'Z' })]
    [InlineData(new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 183, 0, 0, 0 })]
    [InlineData(new byte[] { })]
    public void A_program_for_another_machine_is_refused(byte[] program)
    {
        Publish("GLIBC_2.34");
        File.WriteAllBytes(Path.Combine(App, "StsFunctions"), program);

        Assert.Contains("not a program for 64-bit Linux on x86", Assert.Throws<PackageException>(() => Pack("app.zip")).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private byte[] Pack(string name)
    {
        var zip = Path.Combine(_folder, name);
        Zip.Write(PublishedApp.Read(App), zip);
        return File.ReadAllBytes(zip);
    }

    private void Publish(params string[] versions) => Publish(versions, newestFirst: false);

    private void Publish(string version, bool newestFirst) => Publish([version], newestFirst);

    private void Publish(string[] versions, bool newestFirst)
    {
        List<(string Name, byte[] Content)> files =
        [
            ("StsFunctions", Binary(versions)),
            ("host.json", """{"customHandler":{"description":{"defaultExecutablePath":"StsFunctions"}}}"""u8.ToArray()),
            ("ServePolicy/function.json", "{}"u8.ToArray()),
        ];
        if (newestFirst)
        {
            files.Reverse();
        }

        foreach (var (name, content) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(App, name))!);
            File.WriteAllBytes(Path.Combine(App, name), content);
        }
    }

    // The head of an x86-64 binary, and the names of symbol versions as its linker leaves them.
    private static byte[] Binary(params string[] versions) =>
        [0x7f, .. "ELF"u8, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 62, 0, 1, 0, 0, 0, .. Encoding.ASCII.GetBytes($"\0{string.Join('\0', versions)}\0")];
}
