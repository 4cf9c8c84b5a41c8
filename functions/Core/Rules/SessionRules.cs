using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Rules;

/// <summary>What the rules about SMTP sessions share.</summary>
internal static class Sessions
{
    /// <summary>Whether sessions are evidence at all: not while the network blocks outbound connections (MX-7).</summary>
    public static bool CanBeObserved(RuleContext context) => context.Observation.OutboundSmtp != OutboundSmtp.Blocked && context.Observation.Mx.IsKnown;

    /// <summary>Whether every address of every host was probed as far as it answers, so that a fault that was not observed is gone.</summary>
    public static bool AllReached(RuleContext context) => CanBeObserved(context) && MxHosts.AllAddressesKnown(context) && context.Observation.MxHosts.All(host =>
        IsWithoutAddress(host) || (host.Sessions.Any(IsReached) && host.Sessions.All(session => IsReached(session) || IsNotObservable(session))));

    /// <summary>Whether every such address also presented its certificate.</summary>
    public static bool AllPresentedCertificates(RuleContext context) =>
        AllReached(context) && context.Observation.MxHosts.SelectMany(host => host.Sessions).All(session => Certificates.Leaf(session.Tls) is not null || IsNotObservable(session));

    /// <summary>Whether every address that is reachable from here was tried: an address without a connection fault then has none.</summary>
    public static bool AllConnected(RuleContext context) => CanBeObserved(context) && MxHosts.AllAddressesKnown(context)
        && context.Observation.MxHosts.All(host => IsWithoutAddress(host) || (host.Sessions is not [] && host.Sessions.All(session => session.Outcome is not (SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved))));

    /// <summary>Whether every address was tried, and none of them failed before or without a reply of the server.</summary>
    public static bool AllGreeted(RuleContext context) => AllConnected(context) && context.Observation.MxHosts.SelectMany(host => host.Sessions).All(session =>
        session.Outcome is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionDropped or SmtpOutcome.SessionTimedOut));

    /// <summary>Whether the server answered this checker as it answers senders.</summary>
    public static bool IsReached(SmtpSession session) => session.Outcome
        is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionDropped or SmtpOutcome.SessionTimedOut or SmtpOutcome.Rejected or SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved)
        && !IsNotObservable(session);

    /// <summary>Whether a restricted session was answered: by a certificate, or by a refusal because the server has none of that kind.</summary>
    public static bool Answered(MxProbeResult probe, TlsOffer offer) =>
        probe.Restricted.Any(session => session.Offer == offer && (session.Tls is not null || session.Outcome is SmtpOutcome.TlsCipher or SmtpOutcome.TlsVersion));

    /// <summary>Whether an address is an IPv6 address.</summary>
    public static bool IsIPv6(SmtpSession session) => session.Address.Contains(':', StringComparison.Ordinal);

    /// <summary>The hosts with a session of one of the given outcomes, and those sessions.</summary>
    public static IEnumerable<(MxHostObservation Host, IReadOnlyList<SmtpSession> Sessions)> With(RuleContext context, params SmtpOutcome[] outcomes) =>
        With(context, session => outcomes.Contains(session.Outcome));

    /// <summary>The hosts with a session that meets the condition, and those sessions.</summary>
    public static IEnumerable<(MxHostObservation Host, IReadOnlyList<SmtpSession> Sessions)> With(RuleContext context, Func<SmtpSession, bool> isSo) =>
        from host in context.Observation.MxHosts
        let sessions = host.Sessions.Where(isSo).ToList()
        where sessions.Count > 0
        select (host, (IReadOnlyList<SmtpSession>)sessions);

    /// <summary>Addresses and what was observed at each, as evidence.</summary>
    public static string Describe(IEnumerable<SmtpSession> sessions) =>
        string.Join("; ", sessions.Select(s => $"{s.Address}: {s.Detail ?? s.StartTlsReply ?? s.Outcome.ToString()}"));

    /// <summary>Addresses and how each session ended, as evidence.</summary>
    public static string Ended(IEnumerable<SmtpSession> sessions) =>
        string.Join("; ", sessions.Select(s => $"{s.Address}: {s.Outcome}{(s.Detail is null ? "" : $" ({s.Detail})")}"));

    /// <summary>
    /// Whether some MX host of the domain accepts mail, or may do so: a host that rejects this checker may accept senders, a host that is
    /// slower than this checker waits may be fast enough for senders, and a host that was not observed may be well.
    /// </summary>
    public static bool SomeMayBeReached(RuleContext context) => !AllConnected(context)
        || context.Observation.MxHosts.SelectMany(host => host.Sessions).Any(session => IsReached(session) || session.Outcome is SmtpOutcome.Rejected or SmtpOutcome.SessionTimedOut);

    private static bool IsWithoutAddress(MxHostObservation host) => host.A.Records.Count + host.Aaaa.Records.Count == 0 && host.Probes is [];

    // Such an address stays out of reach: most clouds have no IPv6, so a finding that waited for it would never resolve.
    private static bool IsNotObservable(SmtpSession session) => session.Outcome is SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed;
}

/// <summary>What the two rules about unreachable addresses share.</summary>
internal static class Unreachable
{
    private const string SomeWait = "Senders that try this address first must then try another; if all others fail too, mail waits in their queues.";

    public static FindingKind KindOf(string code, string family) => new(
        code, "warning, critical if none is reached", $"an {family} address of an MX host that accepts no connection",
        SomeWait,
        "Check that the server runs and listens on port 25 at this address, and that no firewall blocks it: openssl s_client -starttls smtp -connect <address>:25. If the address is no longer in use, remove it from DNS.",
        "RFC 8461 §4, RFC 5321 §4.5.4", RequiresConfirmation: true);

    public static IEnumerable<Finding> Evaluate(RuleContext context, FindingKind kind, bool isIPv6)
    {
        var mayBeReached = Sessions.SomeMayBeReached(context);
        return Sessions.With(context, session => session.Outcome is SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut && Sessions.IsIPv6(session) == isIPv6)
            .Select(found => kind.Found(
                mayBeReached ? Severity.Warning : Severity.Critical, found.Host.Host, Sessions.Ended(found.Sessions),
                mayBeReached ? null : "No MX host of the domain accepts a connection at any address that could be tried: mail waits in the senders' queues, and they return it after some days.",
                $"Check that the server runs and listens on port 25 at this address, and that no firewall blocks it: openssl s_client -starttls smtp -connect {ToDial(found.Sessions[0])}. If the address is no longer in use, remove it from DNS."));
    }

    private static string ToDial(SmtpSession session) => Sessions.IsIPv6(session) ? $"[{session.Address}]:25" : $"{session.Address}:25";
}

/// <summary>An IPv4 address of an MX host that accepts no connection.</summary>
internal sealed class MxUnreachable : IRule
{
    public FindingKind Kind { get; } = Unreachable.KindOf("mx.connection.failed", "IPv4");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllConnected(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Unreachable.Evaluate(context, Kind, isIPv6: false);
}

/// <summary>An IPv6 address of an MX host that accepts no connection.</summary>
internal sealed class MxUnreachableByIPv6 : IRule
{
    public FindingKind Kind { get; } = Unreachable.KindOf("mx.connection.failed-ipv6", "IPv6");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    // Without a route to it, an address that did not answer before cannot be certificate to answer now.
    public bool IsConclusive(RuleContext context) => Sessions.AllConnected(context)
        && context.Observation.MxHosts.SelectMany(host => host.Sessions).All(session => session.Outcome != SmtpOutcome.NoRoute || !Sessions.IsIPv6(session));

    public IEnumerable<Finding> Evaluate(RuleContext context) => Unreachable.Evaluate(context, Kind, isIPv6: true);
}

/// <summary>A server that accepts the connection and closes it before TLS, or does not speak SMTP.</summary>
internal sealed class MxSessionDropped : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.session.dropped", "warning, critical if none is reached", "a server that accepts the connection and, before TLS, closes it or sends something that is not SMTP",
        "Senders that try this address cannot deliver and must try another; if all others fail too, mail waits in their queues.",
        "Check the mail server's log at this time; a server without free memory or processes, or a filter in front of it, causes this. Try it: openssl s_client -starttls smtp -connect <address>:25",
        "RFC 5321 §3.1, §4.5.4", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllConnected(context) && context.Observation.MxHosts.SelectMany(host => host.Sessions)
        .All(session => session.Outcome is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.SessionTimedOut));

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var mayBeReached = Sessions.SomeMayBeReached(context);
        return Sessions.With(context, SmtpOutcome.ConnectionDropped).Select(found => Kind.Found(
            mayBeReached ? Severity.Warning : Severity.Critical, found.Host.Host, Sessions.Ended(found.Sessions),
            mayBeReached ? null : "No MX host of the domain gets as far as STARTTLS: mail waits in the senders' queues, and they return it after some days."));
    }
}

/// <summary>A server that is slower than this checker waits.</summary>
internal sealed class MxSessionSlow : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.session.slow", "warning", "a server that answers more slowly than this checker waits, so that this checker ended the session",
        "Senders may wait up to five minutes for each reply, so mail may still arrive; senders that wait less try another MX host. It is not known whether the server offers TLS.",
        "Find out what the server waits for before it answers: a DNS lookup of the client's address or name that times out, a block list that does not answer, or a deliberate delay (tarpitting, postscreen). Try it: openssl s_client -starttls smtp -connect <address>:25",
        "RFC 5321 §4.5.3.2", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllConnected(context) && context.Observation.MxHosts.SelectMany(host => host.Sessions)
        .All(session => session.Outcome is not (SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionDropped));

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        Sessions.With(context, SmtpOutcome.SessionTimedOut).Select(found => Kind.Found(Severity.Warning, found.Host.Host, Sessions.Describe(found.Sessions)));
}

/// <summary>A server that answers and rejects the session: only that of this checker, or every session.</summary>
internal sealed class MxSessionRejected : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.session.rejected", "warning", "a server that answers and rejects the session, perhaps for this checker alone",
        "The server rejects the session, perhaps for this checker alone: its TLS cannot be checked.",
        "Read the server's reply, which this finding quotes. If it blocks the address that this app connects from, allow that address; if it rejects the name after EHLO, set Sts__EhloName to a host name that resolves to that address; if it rejects every client, no mail arrives.",
        "RFC 5321 §3.1", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllGreeted(context);

    // Never critical: many block lists contain cloud addresses, which says nothing about real senders.
    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        Sessions.With(context, SmtpOutcome.Rejected).Select(found => Kind.Found(Severity.Warning, found.Host.Host, Sessions.Describe(found.Sessions)));
}

/// <summary>A server that does not offer STARTTLS.</summary>
internal sealed class MxStartTlsMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.starttls.missing", "by mode", "a server that does not offer STARTTLS",
        "The server does not offer STARTTLS, so there is no TLS: under enforce, senders that honour the policy do not deliver to this server.",
        "Enable STARTTLS on the server, with a certificate for its MX host name; check also that no firewall removes it (Cisco's SMTP fixup does).",
        "RFC 8461 §4.2, RFC 3207 §4", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, SmtpOutcome.StartTlsMissing).Select(found => Kind.Found(
        context.SeverityIfRejected, found.Host.Host,
        string.Join("; ", found.Sessions.Select(s => $"{s.Address}: {(s.Detail is { } detail ? $"{detail}, so the server offers no STARTTLS" : "the reply to EHLO has no STARTTLS")} (greeting: {s.Banner})")),
        $"The server does not offer STARTTLS, so there is no TLS: {context.Consequence}."));
}

/// <summary>A server that offers STARTTLS and then refuses it.</summary>
internal sealed class MxStartTlsRefused : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.starttls.refused", "by mode", "a server that offers STARTTLS and then refuses the command",
        "The server offers STARTTLS and then refuses it: under enforce, senders that honour the policy do not deliver to this server.",
        "Read the server's reply, which this finding quotes, and the server's log: the most frequent cause is a certificate or key file that it cannot read (454 4.7.0 TLS not available).",
        "RFC 8461 §4.2, RFC 3207 §4", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, SmtpOutcome.StartTlsRefused).Select(found => Kind.Found(
        context.SeverityIfRejected, found.Host.Host, Sessions.Describe(found.Sessions), $"The server offers STARTTLS and then refuses it: {context.Consequence}."));
}

/// <summary>Plain text after the reply to STARTTLS, before TLS starts.</summary>
internal sealed class MxStartTlsInjected : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.starttls.injected", "by mode", "plain text after the reply to STARTTLS, before TLS starts",
        "Plain text that an attacker can insert before TLS would pass for protected: under enforce, senders that honour the policy do not deliver to this server.",
        "Update the mail server: it must discard what it buffered before TLS (CVE-2011-0411 and similar). If it is up to date, a device on the path may insert text: compare with what the server sends inside its own network.",
        "RFC 3207 §6, RFC 8461 §4.2");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, SmtpOutcome.StartTlsInjected).Select(found => Kind.Found(
        context.SeverityIfRejected, found.Host.Host, Sessions.Describe(found.Sessions), $"Plain text that an attacker can insert before TLS would pass for protected: {context.Consequence}."));
}

/// <summary>A server that offers STARTTLS, and the TLS handshake fails.</summary>
internal sealed class MxStartTlsBroken : IRule
{
    private const string Remedy =
        "Check the mail server's log for TLS errors: the most frequent cause is a certificate or key file that it cannot read. Try it: openssl s_client -starttls smtp -connect <address>:25 -servername ";

    public FindingKind Kind { get; } = new(
        "mx.starttls.broken", "by mode", "a server that offers STARTTLS, and the TLS handshake fails or gets no answer",
        "The server offers STARTTLS, but the TLS handshake fails: under enforce, senders that honour the policy do not deliver to this server.",
        Remedy + "<MX host>",
        "RFC 8461 §4.2, RFC 3207 §4", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllReached(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) => Sessions.With(context, SmtpOutcome.TlsFailed).Select(found => Kind.Found(
        context.SeverityIfRejected, found.Host.Host, Sessions.Describe(found.Sessions),
        $"The server offers STARTTLS, but the TLS handshake fails: {context.Consequence}.", Remedy + found.Host.Host));
}
