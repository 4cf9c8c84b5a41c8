using System.Security.Cryptography;
using StsFunctions.Core.Probes;
using StsFunctions.Storage.Probes;

namespace StsFunctions.UseCases.Probes;

/// <summary>Leases probe tasks to agents.</summary>
internal sealed class ProbeTaskDispatcher(ProbeTaskStore tasks, AgentStore agents, ProbeResultHandler results, TimeProvider time)
{
    /// <summary>The duration of a lease, by this app's clock.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    // An agent probes all of them at once.
    private const int MaxTasks = 8;
    private const int NonceBytes = 16;

    /// <summary>Leases the next tasks to an agent; the list is empty if there are none for it.</summary>
    public async Task<ProbeTasksJson> DispatchAsync(string agent, CancellationToken cancellationToken)
    {
        await agents.NoteAsync(agent, cancellationToken);
        // An agent asks right after it has sent its results, so all results for a domain's addresses are here by now.
        await results.PassOnAsync(cancellationToken);
        var leasedTasks = new List<ProbeTaskJson>();
        await foreach (var task in tasks.FreeForAsync(agent, cancellationToken))
        {
            var now = time.GetUtcNow();
            var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NonceBytes));
            if (task.LeasedTo(agent, nonce, now + Lease, now) is { } leased && await tasks.WriteAsync(leased, cancellationToken))
            {
                leasedTasks.Add(new ProbeTaskJson(task.Host, task.Address.ToString(), nonce, (int)Lease.TotalSeconds));
            }

            if (leasedTasks.Count == MaxTasks)
            {
                break;
            }
        }

        return new ProbeTasksJson(leasedTasks);
    }
}
