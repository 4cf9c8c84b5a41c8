using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Network.Probes;

namespace StsFunctions.Cli;

/// <summary>Probes the app's tasks from this machine, and sends the results.</summary>
/// <param name="api">The app.</param>
/// <param name="probe">Probes as the app itself does.</param>
/// <param name="isPort25Open">Whether any host answers on port 25 from here.</param>
/// <param name="say">Receives the progress, a line each.</param>
/// <param name="time">The clock.</param>
internal sealed class ProbeAgent(AgentApi api, IMxProbe probe, Func<CancellationToken, Task<bool>> isPort25Open, Action<string> say, TimeProvider time)
{
    // A probe must end before its lease, with time left to send the result.
    private static readonly TimeSpan ResultTimeout = TimeSpan.FromSeconds(10);

    // Recent results per address, so that restricted sessions are made only once a day from here too.
    private const int MostRemembered = 10_000;
    private readonly ConcurrentDictionary<(string Host, IPAddress Address), MxProbeResult> _before = new();

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <summary>Works until it is cancelled, or, if it is to run once, until there are no more tasks.</summary>
    /// <exception cref="AgentRefusedException">The app rejects this agent.</exception>
    /// <exception cref="AgentApiException">The app failed, and this was to run once.</exception>
    public async Task RunAsync(bool once, CancellationToken cancellationToken)
    {
        for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 2 : LongestPause)
        {
            var retryAfter = TimeSpan.Zero;
            try
            {
                while (await WorkAsync(cancellationToken))
                {
                    pause = FirstPause;
                }

                if (once)
                {
                    return;
                }
            }
            catch (AgentApiException e) when (!once)
            {
                say(e.Message);
                retryAfter = e.RetryAfter;
            }

            await Task.Delay(Spread(pause > retryAfter ? pause : retryAfter), time, cancellationToken);
        }
    }

    private async Task<bool> WorkAsync(CancellationToken cancellationToken)
    {
        var tasks = await api.WorkAsync(cancellationToken);
        var results = await Task.WhenAll(tasks.Select(async task => (Task: task, Result: await ProbeAsync(task, cancellationToken))));
        if (results.Any(result => IsTimeOut(result.Result)) && !await IsPort25OpenAsync(cancellationToken))
        {
            say("This network blocks outbound port 25 now: no MX host and no reference MX host answers. The time-outs say nothing about the MX hosts.");
            results = [.. results.Select(result => IsTimeOut(result.Result) ? result with { Result = NotObserved(result.Task, SmtpOutcome.NoRoute) } : result)];
        }

        await SubmitAsync(results, cancellationToken);
        return tasks.Count > 0;
    }

    // If the app fails on one result, the others are still sent; if it fails on a second one, the app itself is at fault.
    private async Task SubmitAsync(IEnumerable<(ProbeTaskJson Task, MxProbeResult Result)> results, CancellationToken cancellationToken)
    {
        AgentApiException? failed = null;
        foreach (var (task, probe) in results)
        {
            string? refusal;
            try
            {
                refusal = await api.SubmitAsync(new ProbeResultJson(task.Host, task.Address, task.Nonce, Bare(probe)), cancellationToken);
            }
            catch (AgentApiException e) when (failed is null)
            {
                failed = e;
                refusal = "not taken";
            }

            say($"{task.Host} {task.Address}: {probe.Default.Outcome}{(probe.Default.Detail is { } detail ? $" ({detail})" : "")}; {refusal ?? "submitted"}");
        }

        if (failed is not null)
        {
            throw failed;
        }
    }

    // If that is unknown, a time-out says nothing either.
    private async Task<bool> IsPort25OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await isPort25Open(cancellationToken);
        }
        catch (Exception e) when (FailureIsolation.ConcernsItem(e))
        {
            return false;
        }
    }

    private async Task<MxProbeResult> ProbeAsync(ProbeTaskJson task, CancellationToken cancellationToken)
    {
        if (!IPAddress.TryParse(task.Address, out var address))
        {
            return NotObserved(task, SmtpOutcome.AddressNotAllowed);
        }

        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(TimeSpan.FromSeconds(task.Seconds) - ResultTimeout is { Ticks: > 0 } span ? span : TimeSpan.Zero);
            var result = await probe.ProbeAsync(task.Host, address, attempt: "", _before.GetValueOrDefault((task.Host, address)), limit.Token);
            if (_before.Count >= MostRemembered)
            {
                _before.Clear();
            }

            _before[(task.Host, address)] = result;
            return result;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return NotObserved(task, SmtpOutcome.DeadlineExceeded);
        }
        catch (Exception e) when (FailureIsolation.ConcernsItem(e))
        {
            // One bad task does not end the batch.
            return NotObserved(task, SmtpOutcome.NotObserved, FailureIsolation.Describe(e));
        }
    }

    private static bool IsTimeOut(MxProbeResult probe) => probe.Default.Outcome == SmtpOutcome.ConnectionTimedOut;

    private static MxProbeResult NotObserved(ProbeTaskJson task, SmtpOutcome outcome, string? detail = null) => new(new SmtpSession(task.Address, outcome, Detail: detail), Restricted: []);

    // The app evaluates the chain: it needs only the certificates as sent.
    private static MxProbeResult Bare(MxProbeResult probe) => probe with { Default = Bare(probe.Default), Restricted = [.. probe.Restricted.Select(Bare)] };

    private static SmtpSession Bare(SmtpSession session) => session with { Tls = session.Tls is { } tls ? tls with { Built = [], Trust = [] } : null };

    // Spread the retries of many agents that lost one app.
    private static TimeSpan Spread(TimeSpan pause) => pause * (0.75 + (RandomNumberGenerator.GetInt32(500) / 1000.0));
}
