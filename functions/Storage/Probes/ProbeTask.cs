using System.Net;
using System.Security.Cryptography;
using System.Text;
using Azure;
using StsFunctions.Core.Time;

namespace StsFunctions.Storage.Probes;

/// <summary>A task for probe agents: an address of an MX host that this app could not reach.</summary>
/// <param name="Host">The MX host.</param>
/// <param name="Address">Its address.</param>
/// <param name="CheckRun">The newest check run that requested it.</param>
/// <param name="RequestedAt">When it was requested.</param>
/// <param name="Domains">The policy domains that wait for the answer; if there are very many, only some.</param>
/// <param name="Leases">The slots for agents: two, so that one agent with a wrong result is noticed.</param>
/// <param name="AnsweredAt">When the first answer arrived; null until then.</param>
/// <param name="Version">The row's version.</param>
internal sealed record ProbeTask(
    string Host,
    IPAddress Address,
    string CheckRun,
    DateTimeOffset RequestedAt,
    IReadOnlyList<string> Domains,
    IReadOnlyList<ProbeLease> Leases,
    DateTimeOffset? AnsweredAt,
    ETag Version = default)
{
    /// <summary>How many agents probe one address.</summary>
    public const int Agents = 2;

    // One property holds them, up to 32,768 characters; if an address has more domains, the next probe serves the rest.
    private const int MaxDomains = 100;

    /// <summary>A new task.</summary>
    public static ProbeTask For(string host, IPAddress address, string checkRun, string domain, DateTimeOffset now) =>
        new(host, address, checkRun, now, [domain], [.. Enumerable.Repeat(ProbeLease.Free, Agents)], AnsweredAt: null);

    /// <summary>Requests the address again, because the earlier answer was not enough or is for an earlier check run. A probe in progress counts.</summary>
    public ProbeTask Requested(string checkRun, string domain, DateTimeOffset now) => this with
    {
        CheckRun = string.CompareOrdinal(checkRun, CheckRun) > 0 || ClockSkew.IsFutureCheckRun(CheckRun, now) ? checkRun : CheckRun,
        RequestedAt = now,
        Domains = Domains.Contains(domain) || Domains.Count >= MaxDomains ? Domains : [.. Domains, domain],
        Leases = [.. Leases.Select(slot => slot.IsLive(now) ? slot : ProbeLease.Free)],
        AnsweredAt = null,
    };

    /// <summary>The task with a lease for an agent; null if all slots are taken, or this agent has one.</summary>
    public ProbeTask? LeasedTo(string agent, string nonce, DateTimeOffset until, DateTimeOffset now)
    {
        var free = Leases.ToList().FindIndex(slot => !slot.IsTaken(now));
        return free < 0 || Leases.Any(slot => slot.Agent == agent && slot.IsTaken(now)) ? null : WithLease(free, new ProbeLease(agent, nonce, until, ""));
    }

    /// <summary>The task with an agent's lease used; null if the agent has no live lease, or the nonce differs.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="nonce">The nonce that the agent sent.</param>
    /// <param name="verdict">What the agent observed; empty if it could not observe the host either.</param>
    /// <param name="now">The current time.</param>
    public ProbeTask? AnsweredBy(string agent, string nonce, string verdict, DateTimeOffset now)
    {
        var own = Leases.ToList().FindIndex(slot => slot.Agent == agent && slot.IsLive(now) && slot.HasNonce(nonce));
        return own < 0 ? null : WithLease(own, new ProbeLease(agent, "", ProbeLease.Never, verdict)) with { AnsweredAt = verdict.Length > 0 ? AnsweredAt ?? now : AnsweredAt };
    }

    /// <summary>Whether there is no other agent to wait for: all have answered, there is no other agent, or none answered in time.</summary>
    public bool IsSettled(IReadOnlySet<string> agentsInUse, TimeSpan patience, DateTimeOffset now) => AnsweredAt is { } answered
        && (Leases.All(slot => slot.IsUsed) || agentsInUse.All(agent => Leases.Any(slot => slot.IsUsed && slot.Agent == agent)) || !ClockSkew.IsWithin(answered, patience, now));

    private ProbeTask WithLease(int number, ProbeLease slot) => this with { Leases = [.. Leases.Select((old, n) => n == number ? slot : old)] };
}

/// <summary>A slot for one agent: free, leased, or used.</summary>
/// <param name="Agent">The agent's name.</param>
/// <param name="Nonce">The nonce that the agent must send with its answer; empty after the answer.</param>
/// <param name="Until">When the lease ends.</param>
/// <param name="Verdict">What the agent observed; empty before the answer, and if it could not observe the host either.</param>
internal sealed record ProbeLease(string Agent, string Nonce, DateTimeOffset Until, string Verdict)
{
    /// <summary>The longest lease: one that ends later was given by a wrong clock.</summary>
    public static readonly TimeSpan LongestLease = TimeSpan.FromMinutes(10);

    /// <summary>The end time of a used slot.</summary>
    public static DateTimeOffset Never { get; } = new(9999, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>A free slot. Table storage has no time before 1601.</summary>
    public static ProbeLease Free { get; } = new("", "", new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero), "");

    public bool IsUsed => Agent.Length > 0 && Nonce.Length == 0;

    public bool IsTaken(DateTimeOffset now) => IsUsed || ClockSkew.IsLive(Until, LongestLease, now);

    public bool IsLive(DateTimeOffset now) => Nonce.Length > 0 && IsTaken(now);

    // Compare in constant time, so that the duration does not reveal how much of the nonce was right.
    public bool HasNonce(string nonce) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Nonce), Encoding.UTF8.GetBytes(nonce));
}
