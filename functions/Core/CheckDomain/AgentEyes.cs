using System.Net;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>Probe agents as a check meets them: they are asked for what this app cannot see from where it stands, and what they saw is reckoned with.</summary>
internal sealed class AgentEyes(AgentStore agents, WantedLookStore wanted)
{
    /// <summary>How long agents have for an answer before it is said that nothing can be seen.</summary>
    public static readonly TimeSpan Patience = AgentStore.InUse;

    /// <summary>Asks agents for the addresses that came to nothing here because of the network.</summary>
    /// <returns>Whether there was anything to ask for, and anybody to ask.</returns>
    public async Task<bool> AskAsync(Observation seen, CancellationToken cancellation)
    {
        var unseen = seen.MxHosts.SelectMany(host => host.Looks.Where(look => IsForAgents(look, seen.Port25)).Select(look => (host.Host, look.Session.Address))).ToList();
        if (unseen is [] || !await agents.AnyInUseAsync(cancellation))
        {
            return false;
        }

        await wanted.AskAsync([.. unseen.Select(look => (look.Host, IPAddress.Parse(look.Address)))], seen.Round, seen.Domain, cancellation);
        return true;
    }

    /// <summary>
    /// The observation with port 25 open where agents saw something, although it is closed here: rules may judge what they saw. What ran into
    /// a time-out here then says no more of the MX host than a missing route does.
    /// </summary>
    public static Observation Reckoned(Observation seen) =>
        seen.Port25 == Port25.Open || !seen.MxHosts.SelectMany(host => host.Looks).Any(look => look.Agent is not null)
            ? seen
            : seen with { Port25 = Port25.Open, MxHosts = [.. seen.MxHosts.Select(host => host with { Looks = [.. host.Looks.Select(Excused)] })] };

    private static bool IsForAgents(AddressLook look, Port25 port25) => look.Agent is null
        && (look.Session.Outcome is SmtpOutcome.ConnectionTimedOut or SmtpOutcome.NoRoute || (port25 == Port25.Closed && look.Session.Outcome == SmtpOutcome.ConnectionRefused));

    private static AddressLook Excused(AddressLook look) => look is { Agent: null, Session.Outcome: SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionRefused }
        ? look with { Session = look.Session with { Outcome = SmtpOutcome.NoRoute, Detail = "port 25 is closed here" } }
        : look;
}
