using System.Collections.Concurrent;
using System.Text.Json;
using MimeKit;
using StsFunctions.Local;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>Everything on one machine around the app under test, for one test class.</summary>
public class RunningSystem(AppUnderTest app) : IAsyncLifetime
{
    public LocalSystem System { get; private set; } = null!;

    /// <summary>What host and worker logged.</summary>
    public ConcurrentQueue<HostLog> Log { get; } = new();

    /// <summary>Every call of a function.</summary>
    public ConcurrentQueue<Invocation> Invocations { get; } = new();

    protected virtual LocalSystemOptions Options => new();

    public async ValueTask InitializeAsync() => System = await LocalSystem.StartAsync(
        Options with { AppRoot = app.Folder, CommandRoot = app.CommandFolder, OnLog = Log.Enqueue, OnInvocation = Invocations.Enqueue },
        TestContext.Current.CancellationToken);

    public virtual async ValueTask DisposeAsync()
    {
        await System.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>The notifications that were mailed.</summary>
    public IReadOnlyList<MimeMessage> Mails => Directory.Exists(System.MailFolder)
        ? [.. Directory.GetFiles(System.MailFolder, "*.eml").Select(file => MimeMessage.Load(file))]
        : [];

    /// <summary>The output of <c>domain show --json</c>.</summary>
    public async Task<JsonElement> ShowAsync(string domain)
    {
        var shown = await System.RunAppAsync(TestContext.Current.CancellationToken, "domain", "show", domain, "--json");
        Assert.Equal("", shown.Errors);
        Assert.Equal(0, shown.ExitCode);
        using var json = JsonDocument.Parse(shown.Output);
        return json.RootElement.Clone();
    }

    /// <summary>The codes of a domain's open findings.</summary>
    public async Task<IReadOnlyList<string>> FindingsAsync(string domain) =>
        [.. (await ShowAsync(domain)).GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("finding").GetProperty("code").GetString()!)];
}
