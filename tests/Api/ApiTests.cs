using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using StsFunctions.Api;
using StsFunctions.Local.Tokens;
using Xunit;

namespace StsFunctions.Tests.Api;

public sealed class ApiTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A()
    {
        var bad = new List<string>();
        for (var i = 0; i < 40; i++)
        {
            await using var issuer = await TokenIssuer.StartAsync(TimeProvider.System, Cancellation);
            var log = new RecordedLog();
            using var logs = LoggerFactory.Create(l => l.AddProvider(log));
            using var tokens = new BearerTokens(new AuthSettings(issuer.Tenant, [issuer.Application, "api://" + issuer.Application], "groups", issuer.Address), TimeProvider.System, logs);
            for (var j = 0; j < 20; j++)
            {
                var token = issuer.Issue(new TokenSpec { Roles = ["Sts.Reader", "Sts.AllGroups"] });
                var context = new DefaultHttpContext();
                context.Request.Headers.Authorization = "Bearer " + token;
                try
                {
                    await tokens.CallerOfAsync(context);
                }
                catch (ProblemException e)
                {
                    bad.Add(token + e.Message + string.Join('\n', log.Lines));
                    break;
                }
            }
        }

        Assert.Fail($"{bad.Count}" + string.Join("\n", bad));
    }
}
