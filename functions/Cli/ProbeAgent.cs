using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using StsFunctions.Agents;
using StsFunctions.CheckDomain;

namespace StsFunctions.CommandLine;

/// <summary>Looks at what the app asks for, from where this runs, and hands in what is to be seen.</summary>
/// <param name="api">The app.</param>
/// <param name="probe">Looks, as the app itself does.</param>
/// <param name="isPort25Open">Whether anything at all answers on port 25 from here.</param>
/// <param name="say">Takes what happens, a line each.</param>
/// <param name="time">The clock.</param>
internal sealed class ProbeAgent(AgentApi api, IAddressProbe probe, Func<CancellationToken, Task<bool>> isPort25Open, Action<string> say, TimeProvider time)
{
    // A look is of no use once its lease has ended, and it has still to be handed in.
    private static readonly TimeSpan TimeToHandIn = TimeSpan.FromSeconds(10);

    // What was seen of an address lately, so that sessions that add facts alone are made once a day from here too.
    private const int MostRemembered = 10_000;
    private readonly ConcurrentDictionary<(string Host, IPAddress Address), AddressLook> _before = new();

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    /// <summary>Works until it is told to end, or, where it is to run once, until there is nothing to do.</summary>
    /// <exception cref="AgentRefusedException">The app does not let this agent in.</exception>
    /// <exception cref="AgentApiException">The app failed, and this was to run once.</exception>
    public async Task RunAsync(bool once, CancellationToken cancellation)
    {
        for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 2 : LongestPause)
        {
            var wish = TimeSpan.Zero;
            try
            {
                while (await WorkAsync(cancellation))
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
                wish = e.RetryAfter;
            }

            await Task.Delay(Spread(pause > wish ? pause : wish), time, cancellation);
        }
    }

    private async Task<bool> WorkAsync(CancellationToken cancellation)
    {
        var tasks = await api.WorkAsync(cancellation);
        var looks = await Task.WhenAll(tasks.Select(async task => (Task: task, Look: await LookAsync(task, cancellation))));
        if (looks.Any(seen => IsTimeOut(seen.Look)) && !await IsPort25OpenAsync(cancellation))
        {
            say("Port 25 is closed from here now: nothing answers, and no reference MX host either. What timed out says nothing of the MX hosts.");
            looks = [.. looks.Select(seen => IsTimeOut(seen.Look) ? seen with { Look = NotSeen(seen.Task, SmtpOutcome.NoRoute) } : seen)];
        }

        await HandInAsync(looks, cancellation);
        return tasks.Count > 0;
    }

    // One result that the app fails on keeps no other from being handed in; where it fails on a second, it is the app that fails.
    private async Task HandInAsync(IEnumerable<(AgentTaskJson Task, AddressLook Look)> looks, CancellationToken cancellation)
    {
        AgentApiException? failed = null;
        foreach (var (task, look) in looks)
        {
            string? refusal;
            try
            {
                refusal = await api.HandInAsync(new AgentResultJson(task.Host, task.Address, task.Nonce, Bare(look)), cancellation);
            }
            catch (AgentApiException e) when (failed is null)
            {
                failed = e;
                refusal = "not taken";
            }

            say($"{task.Host} {task.Address}: {look.Session.Outcome}{(look.Session.Detail is { } detail ? $" ({detail})" : "")}; {refusal ?? "handed in"}");
        }

        if (failed is not null)
        {
            throw failed;
        }
    }

    // Where that cannot be found out, what timed out says nothing either.
    private async Task<bool> IsPort25OpenAsync(CancellationToken cancellation)
    {
        try
        {
            return await isPort25Open(cancellation);
        }
        catch (Exception e) when (FailureIsolation.ConcernsItem(e))
        {
            return false;
        }
    }

    private async Task<AddressLook> LookAsync(AgentTaskJson task, CancellationToken cancellation)
    {
        if (!IPAddress.TryParse(task.Address, out var address))
        {
            return NotSeen(task, SmtpOutcome.AddressNotAllowed);
        }

        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(TimeSpan.FromSeconds(task.Seconds) - TimeToHandIn is { Ticks: > 0 } span ? span : TimeSpan.Zero);
            var look = await probe.LookAsync(task.Host, address, look: "", _before.GetValueOrDefault((task.Host, address)), limit.Token);
            if (_before.Count >= MostRemembered)
            {
                _before.Clear();
            }

            _before[(task.Host, address)] = look;
            return look;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return NotSeen(task, SmtpOutcome.OutOfTime);
        }
        catch (Exception e) when (FailureIsolation.ConcernsItem(e))
        {
            // One bad task never ends the batch.
            return NotSeen(task, SmtpOutcome.NotObserved, FailureIsolation.Describe(e));
        }
    }

    private static bool IsTimeOut(AddressLook look) => look.Session.Outcome == SmtpOutcome.ConnectionTimedOut;

    private static AddressLook NotSeen(AgentTaskJson task, SmtpOutcome outcome, string? detail = null) => new(new SmtpSession(task.Address, outcome, Detail: detail), Narrow: []);

    // What is made of a chain is the app's to say: the certificates as sent are all it wants.
    private static AddressLook Bare(AddressLook look) => look with { Session = Bare(look.Session), Narrow = [.. look.Narrow.Select(Bare)] };

    private static SmtpSession Bare(SmtpSession session) => session with { Tls = session.Tls is { } tls ? tls with { Built = [], Trust = [] } : null };

    // Many agents that lost one app come back one by one.
    private static TimeSpan Spread(TimeSpan pause) => pause * (0.75 + (RandomNumberGenerator.GetInt32(500) / 1000.0));
}
