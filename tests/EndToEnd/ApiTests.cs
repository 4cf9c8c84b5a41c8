using StsFunctions.Local.MailInternet;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The API through the whole of the published app.</summary>
public sealed class ApiTests(RunningSystem running) : IClassFixture<RunningSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);
        using var answer = await running.System.AskApiAsync("/api/domains", running.System.Token("Sts.Reader"), Cancellation);
        Assert.Fail(await answer.Content.ReadAsStringAsync(Cancellation) + string.Join('\n', running.Log));
    }
}
