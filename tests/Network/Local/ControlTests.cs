using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.Local;

/// <summary>Commands from another terminal.</summary>
public sealed class ControlTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sts-control-").FullName;
    private readonly List<string> _lines = [];
    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_command_runs_in_the_running_system_and_its_answer_is_returned()
    {
        await using var endpoint = await StartAsync((line, _) => Task.FromResult(new CommandAnswer(true, $"Done: {line}, ü.")));

        Assert.Equal(0, await DoAsync("expire mx2.example.com"));

        Assert.Equal(("Done: expire mx2.example.com, ü." + Environment.NewLine, ""), (_output.ToString(), _errors.ToString()));
        Assert.Equal(["expire mx2.example.com"], _lines);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_command_that_fails_is_an_error_with_its_reason(bool throws)
    {
        await using var endpoint = await StartAsync((_, _) => throws ? throw new InvalidDataException("The disk is full.") : Task.FromResult(new CommandAnswer(false, "There is no command `x`.")));

        Assert.Equal(1, await DoAsync("x"));

        Assert.Equal(("", (throws ? "That failed: The disk is full." : "There is no command `x`.") + Environment.NewLine), (_output.ToString(), _errors.ToString()));
    }

    [Fact]
    public async Task The_command_says_how_to_start_a_system_where_none_runs()
    {
        Assert.Contains("dotnet run --project local", (await RefusedAsync()).Message, StringComparison.Ordinal);

        // One that was killed leaves its address behind; one that was stopped takes it away.
        await using (await StartAsync((_, _) => throw new InvalidOperationException()))
        {
            File.Copy(Path.Combine(_folder, "control.json"), Path.Combine(_folder, "left"));
        }

        Assert.False(File.Exists(Path.Combine(_folder, "control.json")));
        File.Move(Path.Combine(_folder, "left"), Path.Combine(_folder, "control.json"));
        Assert.Contains(_folder, (await RefusedAsync()).Message, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Path.Combine(_folder, "control.json"), "{", Cancellation);
        await RefusedAsync();
    }

    [Fact]
    public async Task No_other_user_may_send_a_command()
    {
        await using var endpoint = await StartAsync((_, _) => Task.FromResult(new CommandAnswer(true, "")));
        var control = (await ControlFile.ReadAsync(_folder, Cancellation))!;
        using var client = new HttpClient();

        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(null));
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("wrong"));
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(control.Token[1..]));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(control.Token));
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(new Uri(control.Address, ControlEndpoint.Path), Cancellation)).StatusCode);
        Assert.Single(_lines);

        Assert.True(IPAddress.IsLoopback(IPAddress.Parse(control.Address.Host)));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_folder, "control.json")));
        }

        async Task<HttpStatusCode> PostAsync(string? token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(control.Address, ControlEndpoint.Path)) { Content = new StringContent("stop everything") };
            request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
            using var answer = await client.SendAsync(request, Cancellation);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task A_line_without_end_is_refused()
    {
        await using var endpoint = await StartAsync((_, _) => Task.FromResult(new CommandAnswer(true, "")));

        Assert.Contains("too long", (await Assert.ThrowsAsync<InvalidOperationException>(() => DoAsync(new string('x', 10_000)))).Message, StringComparison.Ordinal);
        Assert.Empty(_lines);
    }

    [Fact]
    public async Task The_endpoint_listens_on_loopback_only()
    {
        await using var endpoint = await StartAsync((_, _) => Task.FromResult(new CommandAnswer(true, "")));
        var port = (await ControlFile.ReadAsync(_folder, Cancellation))!.Address.Port;

        using var other = new TcpListener(IPAddress.Parse("127.0.0.2"), port);
        other.Start(); // would be taken by a listener on every address
    }

    public void Dispose()
    {
        _output.Dispose();
        _errors.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Task<ControlEndpoint> StartAsync(Func<string, CancellationToken, Task<CommandAnswer>> execute) => ControlEndpoint.StartAsync(
        _folder,
        (line, cancellationToken) =>
        {
            lock (_lines)
            {
                _lines.Add(line);
            }

            return execute(line, cancellationToken);
        },
        Cancellation);

    private Task<int> DoAsync(string line) => RemoteCommand.RunAsync(_folder, line, _output, _errors, Cancellation);

    private Task<InvalidOperationException> RefusedAsync() => Assert.ThrowsAsync<InvalidOperationException>(() => DoAsync("hosts"));
}
