using System.Security.Cryptography;
using StsFunctions.Domains;

namespace StsFunctions.Agents;

/// <summary>Hands out what agents are to look at.</summary>
internal sealed class AgentWork(WantedLookStore wanted, AgentStore agents, AgentResults results, TimeProvider time)
{
    /// <summary>How long a lease lasts, by this app's clock.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    // An agent looks at all of them at once.
    private const int MaxLooks = 8;
    private const int NonceBytes = 16;

    /// <summary>What an agent is to look at now; nothing where nothing is wanted of it.</summary>
    public async Task<AgentWorkJson> HandOutAsync(string agent, CancellationToken cancellation)
    {
        await agents.NoteAsync(agent, cancellation);
        // An agent asks right after it has handed in what it was given: here a domain's addresses are together.
        await results.PassOnAsync(cancellation);
        var looks = new List<AgentTaskJson>();
        await foreach (var look in wanted.FreeForAsync(agent, cancellation))
        {
            var now = time.GetUtcNow();
            var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NonceBytes));
            if (look.LeasedTo(agent, nonce, now + Lease, now) is { } leased && await wanted.WriteAsync(leased, cancellation))
            {
                looks.Add(new AgentTaskJson(look.Host, look.Address.ToString(), nonce, (int)Lease.TotalSeconds));
            }

            if (looks.Count == MaxLooks)
            {
                break;
            }
        }

        return new AgentWorkJson(looks);
    }
}
