using System.Net;
using System.Security.Cryptography;
using System.Text;
using Azure;

namespace StsFunctions.Domains;

/// <summary>An address of an MX host that this app could not look at, and probe agents are to.</summary>
/// <param name="Host">The MX host.</param>
/// <param name="Address">Its address.</param>
/// <param name="Round">The newest round that asked.</param>
/// <param name="WantedAt">When it did.</param>
/// <param name="Domains">The policy domains that wait for the answer; of many, some.</param>
/// <param name="Slots">Room for as many agents as are to look: two, so that one that is wrong does not go unnoticed.</param>
/// <param name="AnsweredAt">When the first answer came; null while there is none.</param>
/// <param name="Version">The row's version.</param>
internal sealed record WantedLook(
    string Host,
    IPAddress Address,
    string Round,
    DateTimeOffset WantedAt,
    IReadOnlyList<string> Domains,
    IReadOnlyList<AgentSlot> Slots,
    DateTimeOffset? AnsweredAt,
    ETag Version = default)
{
    /// <summary>How many agents look at one address.</summary>
    public const int Agents = 2;

    // They are kept in one property, which holds 32,768 characters; of an address with more domains behind it the rest is served by the next look.
    private const int MaxDomains = 100;

    /// <summary>An address that is asked for, for the first time.</summary>
    public static WantedLook For(string host, IPAddress address, string round, string domain, DateTimeOffset now) =>
        new(host, address, round, now, [domain], [.. Enumerable.Repeat(AgentSlot.Free, Agents)], AnsweredAt: null);

    /// <summary>It is asked for again: what was answered before was not enough, or not for this round. A look that is on its way will do.</summary>
    public WantedLook AskedAgain(string round, string domain, DateTimeOffset now) => this with
    {
        Round = string.CompareOrdinal(round, Round) > 0 || ClockSkew.IsFutureRound(Round, now) ? round : Round,
        WantedAt = now,
        Domains = Domains.Contains(domain) || Domains.Count >= MaxDomains ? Domains : [.. Domains, domain],
        Slots = [.. Slots.Select(slot => slot.IsLive(now) ? slot : AgentSlot.Free)],
        AnsweredAt = null,
    };

    /// <summary>The same with a lease for an agent; null where all there are to be look already, or have looked, or this one does.</summary>
    public WantedLook? LeasedTo(string agent, string nonce, DateTimeOffset until, DateTimeOffset now)
    {
        var free = Slots.ToList().FindIndex(slot => !slot.IsTaken(now));
        return free < 0 || Slots.Any(slot => slot.Agent == agent && slot.IsTaken(now)) ? null : WithSlot(free, new AgentSlot(agent, nonce, until, ""));
    }

    /// <summary>The same with an agent's lease used up; null where it has none that is live, or another nonce.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="nonce">What it says its lease's nonce is.</param>
    /// <param name="saw">What it saw; empty where it could not see either.</param>
    /// <param name="now">The time.</param>
    public WantedLook? AnsweredBy(string agent, string nonce, string saw, DateTimeOffset now)
    {
        var own = Slots.ToList().FindIndex(slot => slot.Agent == agent && slot.IsLive(now) && slot.HasNonce(nonce));
        return own < 0 ? null : WithSlot(own, new AgentSlot(agent, "", AgentSlot.Never, saw)) with { AnsweredAt = saw.Length > 0 ? AnsweredAt ?? now : AnsweredAt };
    }

    /// <summary>Whether nobody else is to be waited for: all have answered, or no other agent is there to, or none did in time.</summary>
    public bool IsSettled(IReadOnlySet<string> agentsInUse, TimeSpan patience, DateTimeOffset now) => AnsweredAt is { } answered
        && (Slots.All(slot => slot.IsUsed) || agentsInUse.All(agent => Slots.Any(slot => slot.IsUsed && slot.Agent == agent)) || !ClockSkew.IsWithin(answered, patience, now));

    private WantedLook WithSlot(int number, AgentSlot slot) => this with { Slots = [.. Slots.Select((old, n) => n == number ? slot : old)] };
}

/// <summary>Room for one agent: free, leased, or used up.</summary>
/// <param name="Agent">Its name.</param>
/// <param name="Nonce">What the agent must show to answer; empty once it has.</param>
/// <param name="Until">Until when nobody else gets it.</param>
/// <param name="Saw">What the agent saw; empty before it answered, and where it could not see either.</param>
internal sealed record AgentSlot(string Agent, string Nonce, DateTimeOffset Until, string Saw)
{
    /// <summary>The longest that an agent may have: one that ends later was given out by a clock that was wrong.</summary>
    public static readonly TimeSpan LongestLease = TimeSpan.FromMinutes(10);

    /// <summary>The end of a slot that is used up.</summary>
    public static DateTimeOffset Never { get; } = new(9999, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>One that nobody has. Storage knows no time before 1601.</summary>
    public static AgentSlot Free { get; } = new("", "", new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero), "");

    public bool IsUsed => Agent.Length > 0 && Nonce.Length == 0;

    public bool IsTaken(DateTimeOffset now) => IsUsed || ClockSkew.IsLive(Until, LongestLease, now);

    public bool IsLive(DateTimeOffset now) => Nonce.Length > 0 && IsTaken(now);

    // In a time that says nothing of how much of it was right.
    public bool HasNonce(string nonce) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Nonce), Encoding.UTF8.GetBytes(nonce));
}
