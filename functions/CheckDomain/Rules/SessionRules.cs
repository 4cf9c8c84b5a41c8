using StsFunctions.Domains;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>What the rules about SMTP sessions share.</summary>
internal static class Sessions
{
    /// <summary>Whether sessions say anything: not while the network lets nothing out (MX-7), nor where names have no known addresses.</summary>
    public static bool CanBeSeen(Case given) =>
        given.Seen.Port25 != Port25.Closed && KnowsAllAddresses(given);

    /// <summary>Whether DNS told every MX host and every address of each.</summary>
    public static bool KnowsAllAddresses(Case given) =>
        given.Seen.Mx.IsKnown && given.Seen.MxHosts.All(host => host.A.IsKnown && host.Aaaa.IsKnown);

    /// <summary>Whether every address of every host could be looked at as far as it answers, so that a fault not seen is a fault gone.</summary>
    public static bool AllReached(Case given) => CanBeSeen(given) && given.Seen.MxHosts.All(host => host.Sessions is []
        || (host.Sessions.Any(IsReached) && host.Sessions.All(session => IsReached(session) || IsOutOfSight(session))));

    /// <summary>Whether every such address also showed its certificate.</summary>
    public static bool AllShowedCertificates(Case given) =>
        AllReached(given) && given.Seen.MxHosts.SelectMany(host => host.Sessions).All(session => session.Tls is not null || IsOutOfSight(session));

    /// <summary>Whether the server was talked to as it talks to senders.</summary>
    public static bool IsReached(SmtpSession session) => session.Outcome
        is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.BrokenOff or SmtpOutcome.Turned) && !IsOutOfSight(session);

    // Not from here, and not the next time either: as most clouds have no IPv6, a finding would wait for it for ever.
    private static bool IsOutOfSight(SmtpSession session) => session.Outcome is SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed;

    /// <summary>The hosts with a session of one of the given outcomes, and those sessions.</summary>
    public static IEnumerable<(MxHostObservation Host, IReadOnlyList<SmtpSession> Sessions)> With(Case given, params SmtpOutcome[] outcomes) =>
        from host in given.Seen.MxHosts
        let sessions = host.Sessions.Where(session => outcomes.Contains(session.Outcome)).ToList()
        where sessions.Count > 0
        select (host, (IReadOnlyList<SmtpSession>)sessions);

    /// <summary>Addresses and what was seen at each, as evidence.</summary>
    public static string Shown(IEnumerable<SmtpSession> sessions) =>
        string.Join("; ", sessions.Select(s => $"{s.Address}: {s.Detail ?? s.StartTlsReply ?? s.Outcome.ToString()}"));
}

/// <summary>An address of an MX host that nobody can talk to.</summary>
internal sealed class MxUnreachable : IRule
{
    public string Code => "mx.unreachable";

    public bool CanSee(Case given) => given.Seen.Port25 != Port25.Closed;

    public bool SeesAll(Case given) => Sessions.CanBeSeen(given);

    public IEnumerable<Finding> Judge(Case given)
    {
        // One that turns us away answers all the same, and one whose addresses DNS did not tell may.
        var mayBeReached = !Sessions.CanBeSeen(given)
            || given.Seen.MxHosts.SelectMany(host => host.Sessions).Any(session => Sessions.IsReached(session) || session.Outcome == SmtpOutcome.Turned);
        return Sessions.With(given, SmtpOutcome.ConnectionRefused, SmtpOutcome.ConnectionTimedOut, SmtpOutcome.BrokenOff, SmtpOutcome.AddressNotAllowed)
            .Select(found => new Finding(
                Code, mayBeReached ? Severity.Warning : Severity.Critical, found.Host.Host,
                string.Join("; ", found.Sessions.Select(s => $"{s.Address}: {s.Outcome}{(s.Detail is null ? "" : $" ({s.Detail})")}")),
                mayBeReached
                    ? "Senders that try this address first must try again elsewhere; if the rest fails too, mail waits."
                    : "No mail server of the domain can be reached: mail waits at its senders, and is returned after some days.",
                "See that the server runs and listens on port 25 at this address, and that no firewall is in the way: openssl s_client -starttls smtp -connect <address>:25. An address that is no longer in use should leave DNS.",
                "RFC 8461 §4, RFC 5321 §4.5.4"));
    }
}

/// <summary>A server that answers and will not talk: with us, or with everybody.</summary>
internal sealed class MxTurnedAway : IRule
{
    public string Code => "mx.turned-away";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.CanBeSeen(given) && given.Seen.MxHosts.SelectMany(host => host.Sessions).All(session =>
        session.Outcome is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.BrokenOff));

    // Never critical: clouds are on many block lists, and that says nothing about the senders that matter.
    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.Turned).Select(found => new Finding(
        Code, Severity.Warning, found.Host.Host,
        Sessions.Shown(found.Sessions),
        "The server refuses to talk, perhaps to this checker alone: its TLS cannot be looked at.",
        "Read the server's own words above. If it blocks the address that this app calls from, let that address in; if it refuses everybody, no mail arrives.",
        "RFC 5321 §3.1"));
}

/// <summary>A server that does not offer STARTTLS.</summary>
internal sealed class MxStartTlsMissing : IRule
{
    public string Code => "mx.starttls.missing";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.StartTlsMissing).Select(found => new Finding(
        Code, given.WhenRefused, found.Host.Host,
        string.Join("; ", found.Sessions.Select(s => $"{s.Address}: EHLO was answered without STARTTLS (greeting: {s.Banner})")),
        $"Without STARTTLS there is no TLS: {given.Consequence}.",
        "Switch STARTTLS on at the server, with a certificate for its MX host name; see also that no firewall strips it (Cisco's SMTP fixup does).",
        "RFC 8461 §4.2, RFC 3207 §4"));
}

/// <summary>A server that offers STARTTLS and then does not do it.</summary>
internal sealed class MxStartTlsBroken : IRule
{
    public string Code => "mx.starttls.broken";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) =>
        Sessions.With(given, SmtpOutcome.StartTlsRefused, SmtpOutcome.StartTlsInjected, SmtpOutcome.TlsFailed).Select(found => new Finding(
            Code, given.WhenRefused, found.Host.Host,
            Sessions.Shown(found.Sessions),
            $"STARTTLS is offered but TLS does not come about: {given.Consequence}.",
            "Look into the mail server's log for TLS errors: a certificate or key file that cannot be read is the most frequent cause. Try it: openssl s_client -starttls smtp -connect <address>:25 -servername " + found.Host.Host,
            "RFC 8461 §4.2, RFC 3207 §4"));
}

/// <summary>A server without a TLS version that senders may use.</summary>
internal sealed class MxTlsVersion : IRule
{
    public string Code => "mx.tls.version";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.TlsVersion).Select(found => new Finding(
        Code, given.WhenRefused, found.Host.Host,
        Sessions.Shown(found.Sessions),
        $"The server has neither TLS 1.2 nor TLS 1.3: {given.Consequence}.",
        "Switch on TLS 1.2 and TLS 1.3 at the server, updating it if it is too old for them.",
        "RFC 8461 §7, RFC 8996"));
}
