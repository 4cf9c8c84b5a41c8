using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The published folder is whole, and is all that is deployed: what the Functions host reads, what the worker loads, and nothing of the build.</summary>
public sealed class PublishedAppTests
{
    // 52 MB, most of it MVC behind the ASP.NET Core integration: a new dependency that weighs more is to be noticed.
    private const long MaxBytes = 60 * 1024 * 1024;

    // Made by the Functions SDK, and read by the host alone: the extensions that bring queue triggers.
    private const string HostExtensions = ".azurefunctions/";

    [Theory]
    [InlineData("StsFunctions.dll")]
    [InlineData("StsFunctions.deps.json")]
    [InlineData("StsFunctions.runtimeconfig.json")]
    [InlineData("host.json")]
    [InlineData("worker.config.json")]
    [InlineData("functions.metadata")]
    [InlineData("extensions.json")]
    [InlineData(".azurefunctions/function.deps.json")]
    public void The_files_that_the_Functions_host_and_the_runtime_need_are_there(string file) => Assert.Contains(file, PublishedFolder.Files);

    [Fact]
    public void The_host_starts_the_app_with_the_dotnet_of_the_platform_also_from_a_placeholder()
    {
        var description = PublishedFolder.Read("worker.config.json").GetProperty("description");

        Assert.Equal("dotnet-isolated", description.GetProperty("language").GetString());
        // A self-contained app would name itself here, and the placeholder would be of no use.
        Assert.Equal("dotnet", description.GetProperty("defaultExecutablePath").GetString());
        Assert.Equal("StsFunctions.dll", description.GetProperty("defaultWorkerPath").GetString());
        Assert.True(description.GetProperty("canUsePlaceholder").GetBoolean());
        Assert.DoesNotContain("libcoreclr.so", PublishedFolder.Files);
    }

    [Fact]
    public void The_app_targets_the_runtime_of_the_template()
    {
        var options = PublishedFolder.Read("StsFunctions.runtimeconfig.json").GetProperty("runtimeOptions");

        Assert.Equal("net10.0", options.GetProperty("tfm").GetString());
        Assert.Contains("Microsoft.AspNetCore.App", options.GetProperty("frameworks").EnumerateArray().Select(framework => framework.GetProperty("name").GetString()));
        Assert.EndsWith("/linux-x64", PublishedFolder.Read("StsFunctions.deps.json").GetProperty("runtimeTarget").GetProperty("name").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_code_is_compiled_ahead_of_time_for_a_short_cold_start()
    {
        using var file = File.OpenRead(Path.Combine(PublishedFolder.Path, "StsFunctions.dll"));
        using var assembly = new System.Reflection.PortableExecutable.PEReader(file);

        Assert.NotEqual(0, assembly.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size);
    }

    [Fact]
    public void The_app_contains_the_host_json_of_the_repository() =>
        Assert.Equal(File.ReadAllText(Path.Combine(Repository.Root, "host.json")), File.ReadAllText(Path.Combine(PublishedFolder.Path, "host.json")));

    [Fact]
    public void Each_extension_of_the_host_is_there()
    {
        var extensions = PublishedFolder.Read("extensions.json").GetProperty("extensions").EnumerateArray().Select(extension => extension.GetProperty("hintPath").GetString()!).ToList();

        Assert.Contains(extensions, path => path.Contains("Storage.Queues", StringComparison.Ordinal));
        Assert.All(extensions, path => Assert.StartsWith($"./{HostExtensions}", path, StringComparison.Ordinal));
        Assert.All(extensions, path => Assert.Contains(path["./".Length..], PublishedFolder.Files));
    }

    [Fact]
    public void Every_function_is_in_this_assembly_and_has_an_HTTP_a_queue_or_a_timer_trigger()
    {
        var functions = PublishedFolder.Read("functions.metadata").EnumerateArray().ToList();

        Assert.NotEmpty(functions);
        Assert.All(functions, function => Assert.Equal(("StsFunctions.dll", "dotnet-isolated"), (function.GetProperty("scriptFile").GetString(), function.GetProperty("language").GetString())));
        Assert.All(PublishedFolder.Functions, function => Assert.Contains(function.Trigger.GetProperty("type").GetString(), (string[])["httpTrigger", "queueTrigger", "timerTrigger"]));
        // A key of the platform would be one more secret, and one more way to authenticate.
        Assert.All(
            PublishedFolder.Functions.Where(function => function.Trigger.GetProperty("type").GetString() == "httpTrigger"),
            function => Assert.Equal("Anonymous", function.Trigger.GetProperty("authLevel").GetString()));
        Assert.Contains(PublishedFolder.Functions, function => function.Trigger.TryGetProperty("route", out var route) && route.GetString() == ".well-known/mta-sts.txt");
    }

    [Fact]
    public void The_app_contains_no_file_of_a_development_machine_and_none_of_the_build()
    {
        string[] names = ["local.settings.json", "appsettings.Development.json", ".env", "secrets.json", ".funcignore"];
        string[] endings = [".pdb", ".dbg", ".xml", ".md", ".cs", ".csproj", ".user", ".pfx", ".pem", ".key"];

        Assert.DoesNotContain(PublishedFolder.Files, file => names.Contains(Path.GetFileName(file), StringComparer.OrdinalIgnoreCase));
        Assert.DoesNotContain(PublishedFolder.Files, file => endings.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase) && !file.StartsWith(HostExtensions, StringComparison.Ordinal));
    }

    [Fact]
    public void The_app_is_no_larger_than_its_budget()
    {
        var bytes = PublishedFolder.Files.Sum(file => new FileInfo(Path.Combine(PublishedFolder.Path, file)).Length);

        Assert.True(bytes <= MaxBytes, $"{bytes / 1024.0 / 1024:F1} MB of {MaxBytes / 1024 / 1024}.");
    }
}
