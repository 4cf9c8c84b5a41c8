using System.Diagnostics;
using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Text;
using System.Xml.Linq;
using StsFunctions.Local;
using StsFunctions.Protocol;
using Xunit;

namespace StsFunctions.Tests.Protocol;

/// <summary>The library as its own package, packed from the build of these tests.</summary>
public sealed class PackageTests : IAsyncLifetime
{
    private const string Id = "StsFunctions.Protocol";
    private const string Library = $"lib/net10.0/{Id}.dll";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("sts-package-");

    private delegate object ParseBytes(ReadOnlySpan<byte> utf8);

    public async ValueTask InitializeAsync()
    {
        var configuration = typeof(PackageTests).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        var start = new ProcessStartInfo("dotnet", ["pack", Path.Combine(Repository.Root, "protocol"), "--no-build", "--nologo", "-c", configuration, "-o", _folder.FullName])
        {
            RedirectStandardOutput = true,
        };
        using var pack = Process.Start(start)!;
        var output = await pack.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await pack.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(pack.ExitCode == 0 && !output.Contains("warning", StringComparison.OrdinalIgnoreCase), output);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void The_package_describes_itself_and_has_no_dependencies()
    {
        using var package = Open("nupkg");
        using var nuspec = package.GetEntry($"{Id}.nuspec")!.Open();
        var metadata = XDocument.Load(nuspec).Root!.Elements().Single();
        XElement Of(string name) => metadata.Elements().Single(element => element.Name.LocalName == name);

        Assert.Equal((Id, "MIT", "README.md"), (Of("id").Value, Of("license").Value, Of("readme").Value));
        Assert.Equal(["net10.0"], Of("dependencies").Elements().Select(group => group.Attribute("targetFramework")?.Value));
        Assert.Empty(Of("dependencies").Elements().Elements());
        Assert.All(References(package), name => Assert.StartsWith("System.", name, StringComparison.Ordinal));
    }

    [Fact]
    public void The_package_contains_the_library_its_documentation_and_its_symbols()
    {
        using var package = Open("nupkg");
        using var symbols = Open("snupkg");

        Assert.Contains("Policy.Parse", Text(package, "README.md"), StringComparison.Ordinal);
        Assert.Contains("T:StsFunctions.Protocol.ProtocolException", Text(package, $"lib/net10.0/{Id}.xml"), StringComparison.Ordinal);
        Assert.NotNull(symbols.GetEntry($"lib/net10.0/{Id}.pdb"));
        Assert.Equal(
            [Library, $"lib/net10.0/{Id}.xml"],
            package.Entries.Select(entry => entry.FullName).Where(name => name.StartsWith("lib/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_packed_library_works()
    {
        using var package = Open("nupkg");
        var context = new AssemblyLoadContext(Id, isCollectible: true);
        try
        {
            var library = context.LoadFromStream(Copy(package, Library));
            var parse = library.GetType("StsFunctions.Protocol.MtaSts.Policy")!.GetMethod("Parse")!.CreateDelegate<ParseBytes>();

            var policy = parse("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\n"u8);
            var fault = Assert.ThrowsAny<FormatException>(() => parse("version: STSv2\n"u8));

            Assert.NotSame(typeof(ProtocolException).Assembly, policy.GetType().Assembly);
            Assert.Equal("version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmax_age: 1\r\n", Encoding.UTF8.GetString((byte[])policy.GetType().GetMethod("ToBytes")!.Invoke(policy, [])!));
            Assert.StartsWith("Line 1: ", fault.Message, StringComparison.Ordinal);
        }
        finally
        {
            context.Unload();
        }
    }

    private static IReadOnlyList<string> References(ZipArchive package)
    {
        using var library = new PEReader(Copy(package, Library));
        var metadata = library.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }

    private static MemoryStream Copy(ZipArchive package, string name)
    {
        var copy = new MemoryStream();
        using var entry = package.GetEntry(name)!.Open();
        entry.CopyTo(copy);
        copy.Position = 0;
        return copy;
    }

    private static string Text(ZipArchive package, string name) => Encoding.UTF8.GetString(Copy(package, name).ToArray());

    private ZipArchive Open(string extension) => ZipFile.OpenRead(Assert.Single(_folder.GetFiles($"*.{extension}")).FullName);
}
