using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Cli;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Network.Probes;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Probes;

/// <summary>An agent with several tasks at once: one of them does not affect the others.</summary>
public sealed class AgentBatchTests : IDisposable
{
    private readonly FileInfo _token = new(Path.GetTempFileName());
    private readonly List<string> _said = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _token.Delete();

    [Fact]
    public async Task A_task_that_the_probe_fails_on_is_submitted_as_not_observed_and_the_others_as_they_are()
    {
        var app = new StubApp();

        await RunAsync(app, new StubProbe { Fails = host => host == "mx1.example.com" ? new InvalidOperationException("unexpected") : null });

        Assert.Equal(
            [("mx1.example.com", SmtpOutcome.NotObserved), ("mx2.example.com", SmtpOutcome.Rejected), ("mx3.example.com", SmtpOutcome.Rejected)],
            app.Results.Select(result => (result.Host, result.Result.Default.Outcome)));
        Assert.Contains(_said, line => line == "mx1.example.com 192.0.2.1: NotObserved (InvalidOperationException: unexpected); submitted");
    }

    [Fact]
    public async Task A_result_that_the_app_fails_on_stops_no_other_submission()
    {
        var app = new StubApp { FailsOn = "mx1.example.com" };

        await Assert.ThrowsAsync<AgentApiException>(() => RunAsync(app, new StubProbe()));

        Assert.Equal(["mx1.example.com", "mx2.example.com", "mx3.example.com"], app.Results.Select(result => result.Host));
        Assert.Contains(_said, line => line == "mx1.example.com 192.0.2.1: Rejected; not taken");
    }

    [Fact]
    public async Task An_app_that_fails_on_every_result_is_not_called_after_the_second()
    {
        var app = new StubApp { FailsOn = "mx" };

        await Assert.ThrowsAsync<AgentApiException>(() => RunAsync(app, new StubProbe()));

        Assert.Equal(2, app.Results.Count);
    }

    [Fact]
    public async Task A_timeout_is_inconclusive_where_the_state_of_port_25_is_unknown()
    {
        var app = new StubApp();

        await RunAsync(app, new StubProbe { Outcome = SmtpOutcome.ConnectionTimedOut }, _ => throw new InvalidOperationException("unexpected"));

        Assert.All(app.Results, result => Assert.Equal(SmtpOutcome.NoRoute, result.Result.Default.Outcome));
        Assert.Equal(3, app.Results.Count);
    }

    private async Task RunAsync(StubApp app, IMxProbe probe, Func<CancellationToken, Task<bool>>? isPort25Open = null)
    {
        await File.WriteAllTextAsync(_token.FullName, "token", Cancellation);
        using var http = new HttpClient(app);
        var api = new AgentApi(http, new Uri("https://app.example.com/"), "test", AgentTokens.In(_token));
        await new ProbeAgent(api, probe, isPort25Open ?? (_ => Task.FromResult(true)), _said.Add, new FakeTimeProvider()).RunAsync(once: true, Cancellation);
    }

    private sealed class StubProbe : IMxProbe
    {
        public Func<string, Exception?> Fails { get; init; } = _ => null;

        public SmtpOutcome Outcome { get; init; } = SmtpOutcome.Rejected;

        public Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken) =>
            Fails(mxHost) is { } failure ? throw failure : Task.FromResult(new MxProbeResult(new SmtpSession(address.ToString(), Outcome), []));
    }

    /// <summary>Dispatches three tasks once, and accepts results.</summary>
    private sealed class StubApp : HttpMessageHandler
    {
        private bool _isGivenOut;

        public List<ProbeResultJson> Results { get; } = [];

        public string? FailsOn { get; init; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.AbsolutePath.EndsWith("/work", StringComparison.Ordinal))
            {
                IReadOnlyList<ProbeTaskJson> tasks = _isGivenOut ? [] : [.. Enumerable.Range(1, 3).Select(n => new ProbeTaskJson($"mx{n}.example.com", $"192.0.2.{n}", "nonce", 120))];
                _isGivenOut = true;
                return new HttpResponseMessage { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new ProbeTasksJson(tasks), AgentJson.Default.ProbeTasksJson)) };
            }

            var result = JsonSerializer.Deserialize(await request.Content!.ReadAsByteArrayAsync(cancellationToken), AgentJson.Default.ProbeResultJson)!;
            Results.Add(result);
            return new HttpResponseMessage(FailsOn is { } host && result.Host.StartsWith(host, StringComparison.Ordinal) ? HttpStatusCode.InternalServerError : HttpStatusCode.NoContent);
        }
    }
}
