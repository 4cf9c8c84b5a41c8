using StsFunctions.Cli;
using StsFunctions.Network.Egress;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.CommandLine;

/// <summary>What is named on the command line is read up to a size, whatever it is, and an argument is never a file of arguments.</summary>
[Collection(Alone.Name)]
public sealed class InputFileTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("sts-tests-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(0, true)]
    [InlineData(100, true)]
    [InlineData(101, false)]
    [InlineData(5_000_000, false)]
    public async Task A_file_is_read_up_to_its_limit_and_a_longer_one_is_an_error(int length, bool isRead)
    {
        var file = FileOf(new byte[length]);
        if (isRead)
        {
            Assert.Equal(length, (await InputFile.ReadAsync(file, 100, "a test has no more", Cancellation)).Length);
        }
        else
        {
            var e = await Assert.ThrowsAsync<IOException>(() => InputFile.ReadAsync(file, 100, "a test has no more", Cancellation));
            Assert.Equal($"{file}: longer than 100 bytes; a test has no more.", e.Message);
        }
    }

    [Fact]
    public async Task A_device_without_end_is_too_long()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no such device.");
        var zero = new FileInfo("/dev/zero");

        // Its length is reported as 0.
        await AssertBoundedAsync(async () => Assert.Contains("RFC 8461 §3.3", (await Assert.ThrowsAsync<IOException>(() => PolicyFiles.ReadAsync(zero, Cancellation))).Message, StringComparison.Ordinal));
        await AssertBoundedAsync(async () => Assert.Contains("/dev/zero: longer", (await Assert.ThrowsAsync<AgentApiException>(() => AgentTokens.In(zero).GetAsync(Cancellation))).Message, StringComparison.Ordinal));
        await AssertBoundedAsync(() =>
        {
            Assert.Null(TrustedRoots.FromPemFile("/dev/zero"));
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task A_pipe_is_read_to_its_end()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Pipes have no names there.");
        var pipe = new FileInfo(Path.Combine(_folder.FullName, "pipe"));
        using (var made = System.Diagnostics.Process.Start("mkfifo", [pipe.FullName]))
        {
            await made.WaitForExitAsync(Cancellation);
        }

        var written = Task.Run(() => File.WriteAllTextAsync(pipe.FullName, "version: STSv1\nmode: none\nmax_age: 1\n", Cancellation), Cancellation);

        Assert.Equal(PolicyMode.None, (await PolicyFiles.ReadAsync(pipe, Cancellation)).Mode);
        await written;
    }

    [Fact]
    public async Task A_token_is_read_without_the_additions_of_editors() =>
        Assert.Equal("abc.def", await AgentTokens.In(FileOf("\uFEFFabc.def\r\n"u8.ToArray())).GetAsync(Cancellation));

    [Fact]
    public void An_argument_that_begins_with_an_at_sign_is_itself()
    {
        var file = FileOf("fetch\nexample.com\n"u8.ToArray());

        Assert.Equal($"@{file}", Commands.Parse(["policy", "fetch", $"@{file}"]).GetValue<string>("domain"));
        Assert.NotEmpty(Commands.Parse(["policy", $"@{file}"]).Errors);
        Assert.DoesNotContain(Commands.Parse([$"@{file}"]).Errors, error => error.Message.Contains("fetch", StringComparison.Ordinal));
    }

    private static async Task AssertBoundedAsync(Func<Task> read)
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await read();
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 4 * MiB);
    }

    private FileInfo FileOf(byte[] content)
    {
        var file = new FileInfo(Path.Combine(_folder.FullName, Guid.NewGuid().ToString("N")));
        File.WriteAllBytes(file.FullName, content);
        return file;
    }
}
