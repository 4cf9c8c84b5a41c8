using StsFunctions.Domains;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>What the rules about SMTP sessions share.</summary>
internal static class Sessions
{
    /// <summary>Whether sessions say anything at all: not while the network lets nothing out (MX-7).</summary>
    public static bool CanBeSeen(Case given) => given.Seen.Port25 != Port25.Closed && given.Seen.Mx.IsKnown;

    /// <summary>Whether every address of every host could be looked at as far as it answers, so that a fault not seen is a fault gone.</summary>
    public static bool AllReached(Case given) => CanBeSeen(given) && MxHosts.AllAddressesKnown(given) && given.Seen.MxHosts.All(host =>
        IsWithoutAddress(host) || (host.Sessions.Any(IsReached) && host.Sessions.All(session => IsReached(session) || IsOutOfSight(session))));

    /// <summary>Whether every such address also showed its certificate.</summary>
    public static bool AllShowedCertificates(Case given) =>
        AllReached(given) && given.Seen.MxHosts.SelectMany(host => host.Sessions).All(session => Certificates.Leaf(session.Tls) is not null || IsOutOfSight(session));

    /// <summary>Whether every address was dialled that could be from here: what is not found to be dead is then not dead.</summary>
    public static bool AllDialled(Case given) => CanBeSeen(given) && MxHosts.AllAddressesKnown(given)
        && given.Seen.MxHosts.All(host => IsWithoutAddress(host) || (host.Sessions is not [] && host.Sessions.All(session => session.Outcome is not (SmtpOutcome.OutOfTime or SmtpOutcome.NotObserved))));

    /// <summary>Whether every address was dialled, and every one that took the connection let us talk.</summary>
    public static bool AllGreeted(Case given) => AllDialled(given) && given.Seen.MxHosts.SelectMany(host => host.Sessions).All(session =>
        session.Outcome is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.BrokenOff or SmtpOutcome.SessionTimedOut));

    /// <summary>Whether the server was talked to as it talks to senders.</summary>
    public static bool IsReached(SmtpSession session) => session.Outcome
        is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.BrokenOff or SmtpOutcome.SessionTimedOut or SmtpOutcome.Turned or SmtpOutcome.OutOfTime or SmtpOutcome.NotObserved)
        && !IsOutOfSight(session);

    /// <summary>Whether a session that offered less had an answer: a certificate, or none for want of one of that kind.</summary>
    public static bool Told(AddressLook look, TlsOffer offer) =>
        look.Narrow.Any(session => session.Offer == offer && (session.Tls is not null || session.Outcome is SmtpOutcome.TlsCipher or SmtpOutcome.TlsVersion));

    /// <summary>Whether an address is one of IPv6.</summary>
    public static bool IsIPv6(SmtpSession session) => session.Address.Contains(':', StringComparison.Ordinal);

    /// <summary>The hosts with a session of one of the given outcomes, and those sessions.</summary>
    public static IEnumerable<(MxHostObservation Host, IReadOnlyList<SmtpSession> Sessions)> With(Case given, params SmtpOutcome[] outcomes) =>
        With(given, session => outcomes.Contains(session.Outcome));

    /// <summary>The hosts with a session that is so, and those sessions.</summary>
    public static IEnumerable<(MxHostObservation Host, IReadOnlyList<SmtpSession> Sessions)> With(Case given, Func<SmtpSession, bool> isSo) =>
        from host in given.Seen.MxHosts
        let sessions = host.Sessions.Where(isSo).ToList()
        where sessions.Count > 0
        select (host, (IReadOnlyList<SmtpSession>)sessions);

    /// <summary>Addresses and what was seen at each, as evidence.</summary>
    public static string Shown(IEnumerable<SmtpSession> sessions) =>
        string.Join("; ", sessions.Select(s => $"{s.Address}: {s.Detail ?? s.StartTlsReply ?? s.Outcome.ToString()}"));

    /// <summary>Addresses with how far each session came, as evidence.</summary>
    public static string Ended(IEnumerable<SmtpSession> sessions) =>
        string.Join("; ", sessions.Select(s => $"{s.Address}: {s.Outcome}{(s.Detail is null ? "" : $" ({s.Detail})")}"));

    /// <summary>
    /// Whether some mail server of the domain takes mail, or may: one that rejects this checker answers all the same, one that is slower
    /// than this checker waits may be fast enough for senders, and one that could not be looked at may.
    /// </summary>
    public static bool SomeMayBeReached(Case given) => !AllDialled(given)
        || given.Seen.MxHosts.SelectMany(host => host.Sessions).Any(session => IsReached(session) || session.Outcome is SmtpOutcome.Turned or SmtpOutcome.SessionTimedOut);

    private static bool IsWithoutAddress(MxHostObservation host) => host.A.Records.Count + host.Aaaa.Records.Count == 0 && host.Looks is [];

    // Not from here, and not the next time either: as most clouds have no IPv6, a finding would wait for it for ever.
    private static bool IsOutOfSight(SmtpSession session) => session.Outcome is SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed;
}

/// <summary>What the two rules about addresses that nobody answers at share.</summary>
internal static class Unreachable
{
    private const string SomeWait = "Senders that try this address first must try again elsewhere; if the rest fails too, mail waits.";

    public static FindingKind KindOf(string code, string family) => new(
        code, "warning, critical if none is reached", $"an {family} address of an MX host that takes no connection",
        SomeWait,
        "See that the server runs and listens on port 25 at this address, and that no firewall is in the way: openssl s_client -starttls smtp -connect <address>:25. An address that is no longer in use should leave DNS.",
        "RFC 8461 §4, RFC 5321 §4.5.4", TakesThreeLooks: true);

    public static IEnumerable<Finding> Judge(Case given, FindingKind kind, bool isIPv6)
    {
        var mayBeReached = Sessions.SomeMayBeReached(given);
        return Sessions.With(given, session => session.Outcome is SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut && Sessions.IsIPv6(session) == isIPv6)
            .Select(found => kind.Found(
                mayBeReached ? Severity.Warning : Severity.Critical, found.Host.Host, Sessions.Ended(found.Sessions),
                mayBeReached ? null : "No mail server of the domain answers at any address that could be tried: mail waits at its senders, and is returned after some days.",
                $"See that the server runs and listens on port 25 at this address, and that no firewall is in the way: openssl s_client -starttls smtp -connect {ToDial(found.Sessions[0])}. An address that is no longer in use should leave DNS."));
    }

    private static string ToDial(SmtpSession session) => Sessions.IsIPv6(session) ? $"[{session.Address}]:25" : $"{session.Address}:25";
}

/// <summary>An IPv4 address of an MX host where nobody answers.</summary>
internal sealed class MxUnreachable : IRule
{
    public FindingKind Kind { get; } = Unreachable.KindOf("mx.unreachable", "IPv4");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllDialled(given);

    public IEnumerable<Finding> Judge(Case given) => Unreachable.Judge(given, Kind, isIPv6: false);
}

/// <summary>An IPv6 address of an MX host where nobody answers.</summary>
internal sealed class MxUnreachableByIPv6 : IRule
{
    public FindingKind Kind { get; } = Unreachable.KindOf("mx.unreachable.ipv6", "IPv6");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    // Where there is no route, nothing shows that an address which did not answer does so now.
    public bool SeesAll(Case given) => Sessions.AllDialled(given)
        && given.Seen.MxHosts.SelectMany(host => host.Sessions).All(session => session.Outcome != SmtpOutcome.NoRoute || !Sessions.IsIPv6(session));

    public IEnumerable<Finding> Judge(Case given) => Unreachable.Judge(given, Kind, isIPv6: true);
}

/// <summary>A server that takes the connection and then falls silent, or hangs up.</summary>
internal sealed class MxBrokenOff : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.broken-off", "warning, critical if none is reached", "a server that takes the connection and closes it, or sends what is not SMTP, before TLS",
        "Senders that try this address get no further and must try again elsewhere; if the rest fails too, mail waits.",
        "Look into the mail server's log for this moment; a server out of memory or processes, or a filter before it, does this. Try it: openssl s_client -starttls smtp -connect <address>:25",
        "RFC 5321 §3.1, §4.5.4", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllDialled(given) && given.Seen.MxHosts.SelectMany(host => host.Sessions)
        .All(session => session.Outcome is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.SessionTimedOut));

    public IEnumerable<Finding> Judge(Case given)
    {
        var mayBeReached = Sessions.SomeMayBeReached(given);
        return Sessions.With(given, SmtpOutcome.BrokenOff).Select(found => Kind.Found(
            mayBeReached ? Severity.Warning : Severity.Critical, found.Host.Host, Sessions.Ended(found.Sessions),
            mayBeReached ? null : "No mail server of the domain gets as far as STARTTLS: mail waits at its senders, and is returned after some days."));
    }
}

/// <summary>A server that is slower than this checker waits.</summary>
internal sealed class MxSessionSlow : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.session.slow", "warning", "a server that answers more slowly than this checker waits: it is this checker that gives up",
        "Senders may wait up to five minutes for each answer, so that mail may arrive all the same; whether the server offers TLS is not known, and senders with less patience try elsewhere.",
        "Find out what the server waits for before it answers: a DNS lookup of the client's address or name that times out, a blocklist that does not answer, or a deliberate delay (tarpitting, postscreen). Try it: openssl s_client -starttls smtp -connect <address>:25",
        "RFC 5321 §4.5.3.2", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllDialled(given) && given.Seen.MxHosts.SelectMany(host => host.Sessions)
        .All(session => session.Outcome is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.BrokenOff));

    public IEnumerable<Finding> Judge(Case given) =>
        Sessions.With(given, SmtpOutcome.SessionTimedOut).Select(found => Kind.Found(Severity.Warning, found.Host.Host, Sessions.Shown(found.Sessions)));
}

/// <summary>A server that answers and will not talk: with us, or with everybody.</summary>
internal sealed class MxTurnedAway : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.turned-away", "warning", "a server that answers and will not talk, perhaps to this checker alone",
        "The server refuses to talk, perhaps to this checker alone: its TLS cannot be looked at.",
        "Read the server's own words above. If it blocks the address that this app calls from, let that address in; if it objects to the name after EHLO, set Sts__HeloName to a host name that resolves to that address; if it refuses everybody, no mail arrives.",
        "RFC 5321 §3.1", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllGreeted(given);

    // Never critical: clouds are on many block lists, and that says nothing about the senders that matter.
    public IEnumerable<Finding> Judge(Case given) =>
        Sessions.With(given, SmtpOutcome.Turned).Select(found => Kind.Found(Severity.Warning, found.Host.Host, Sessions.Shown(found.Sessions)));
}

/// <summary>A server that does not offer STARTTLS.</summary>
internal sealed class MxStartTlsMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.starttls.missing", "by mode", "a server that does not offer STARTTLS",
        "Without STARTTLS there is no TLS: under enforce, senders that honour the policy do not deliver to this server.",
        "Switch STARTTLS on at the server, with a certificate for its MX host name; see also that no firewall strips it (Cisco's SMTP fixup does).",
        "RFC 8461 §4.2, RFC 3207 §4", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.StartTlsMissing).Select(found => Kind.Found(
        given.WhenRefused, found.Host.Host,
        string.Join("; ", found.Sessions.Select(s => $"{s.Address}: {(s.Detail is { } detail ? $"{detail}, so that there is no STARTTLS" : "EHLO was answered without STARTTLS")} (greeting: {s.Banner})")),
        $"Without STARTTLS there is no TLS: {given.Consequence}."));
}

/// <summary>A server that offers STARTTLS and then refuses it.</summary>
internal sealed class MxStartTlsRefused : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.starttls.refused", "by mode", "a server that offers STARTTLS and refuses it when asked",
        "STARTTLS is offered and then refused: under enforce, senders that honour the policy do not deliver to this server.",
        "Read the server's answer above and its log: a certificate or key file that cannot be read is the most frequent cause (454 4.7.0 TLS not available).",
        "RFC 8461 §4.2, RFC 3207 §4", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.StartTlsRefused).Select(found => Kind.Found(
        given.WhenRefused, found.Host.Host, Sessions.Shown(found.Sessions), $"STARTTLS is offered and then refused: {given.Consequence}."));
}

/// <summary>Somebody who speaks before TLS does.</summary>
internal sealed class MxStartTlsInjected : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.starttls.injected", "by mode", "plain text behind the answer to STARTTLS",
        "What was sent in the clear would be taken for protected: under enforce, senders that honour the policy do not deliver to this server.",
        "Update the mail server, which must forget what it buffered before TLS (CVE-2011-0411 and its kin). If it is up to date, something on the way to it puts words in: compare what it sends from within its own network.",
        "RFC 3207 §6, RFC 8461 §4.2");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.StartTlsInjected).Select(found => Kind.Found(
        given.WhenRefused, found.Host.Host, Sessions.Shown(found.Sessions), $"What was sent in the clear would be taken for protected: {given.Consequence}."));
}

/// <summary>A server that offers STARTTLS and then does not do it.</summary>
internal sealed class MxStartTlsBroken : IRule
{
    private const string Remedy =
        "Look into the mail server's log for TLS errors: a certificate or key file that cannot be read is the most frequent cause. Try it: openssl s_client -starttls smtp -connect <address>:25 -servername ";

    public FindingKind Kind { get; } = new(
        "mx.starttls.broken", "by mode", "STARTTLS is offered, and TLS does not come about or says nothing",
        "STARTTLS is offered but TLS does not come about: under enforce, senders that honour the policy do not deliver to this server.",
        Remedy + "<MX host>",
        "RFC 8461 §4.2, RFC 3207 §4", TakesThreeLooks: true);

    public bool CanSee(Case given) => Sessions.CanBeSeen(given);

    public bool SeesAll(Case given) => Sessions.AllReached(given);

    public IEnumerable<Finding> Judge(Case given) => Sessions.With(given, SmtpOutcome.TlsFailed).Select(found => Kind.Found(
        given.WhenRefused, found.Host.Host, Sessions.Shown(found.Sessions),
        $"STARTTLS is offered but TLS does not come about: {given.Consequence}.", Remedy + found.Host.Host));
}
