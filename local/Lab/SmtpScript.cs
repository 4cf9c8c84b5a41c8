using System.Security.Authentication;

namespace StsFunctions.Local.Lab;

/// <summary>The behaviour of an SMTP server. The default has no fault.</summary>
public sealed record SmtpScript
{
    /// <summary>A server without a fault.</summary>
    public static SmtpScript Good { get; } = new();

    /// <summary>A server that does not offer STARTTLS, and does not know it when asked.</summary>
    public static SmtpScript Plain { get; } = new() { OffersStartTls = false };

    /// <summary>A server that supports no TLS newer than 1.1 (RFC 8996): it answers the client's hello with the alert for that.</summary>
    public static SmtpScript OldTls { get; } = new() { Fault = new(SmtpStage.Handshake, SmtpFaultKind.RefuseTlsVersion) };

    /// <summary>A server that greets with a refusal.</summary>
    public static SmtpScript Rejects { get; } = new() { Banner = "554 5.7.1 No mail from you" };

    /// <summary>A server that offers STARTTLS, and then has no TLS.</summary>
    public static SmtpScript RefusesStartTls { get; } = new() { StartTlsAnswer = "454 4.7.0 TLS not available due to temporary reason" };

    /// <summary>A server with an attacker on the path, who inserts an answer after the one to STARTTLS.</summary>
    public static SmtpScript Injected { get; } = new() { Injection = "250 2.0.0 I am on the path\r\n" };

    /// <summary>The greeting, without its line end; null greets with 220 and the host name. Any but a 2xx ends the session.</summary>
    public string? Banner { get; init; }

    /// <summary>Whether EHLO's answer lists STARTTLS.</summary>
    public bool OffersStartTls { get; init; } = true;

    /// <summary>The answer to STARTTLS, without its line end. The server continues to the handshake only after a 220.</summary>
    public string StartTlsAnswer { get; init; } = "220 2.0.0 Ready to start TLS";

    /// <summary>The TLS versions that the server takes.</summary>
    public SslProtocols Protocols { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>Sent as plain text directly after the answer to STARTTLS, as an attacker on the path would (RFC 3207 §6).</summary>
    public string? Injection { get; init; }

    /// <summary>Sends every answer in pieces of one byte.</summary>
    public bool OneByteAtATime { get; init; }

    /// <summary>The fault of the server, and its stage; null for none.</summary>
    public SmtpFault? Fault { get; init; }

    /// <summary>A server that sends nothing from <paramref name="stage"/> on, and holds the connection open.</summary>
    public static SmtpScript HangsAt(SmtpStage stage) => new() { Fault = new(stage, SmtpFaultKind.Hang) };

    /// <summary>A server that closes the connection at <paramref name="stage"/>.</summary>
    public static SmtpScript CutsOffAt(SmtpStage stage) => new() { Fault = new(stage, SmtpFaultKind.CutOff) };

    /// <summary>A server whose answer at <paramref name="stage"/> has no last line.</summary>
    public static SmtpScript FloodsAt(SmtpStage stage) => new() { Fault = new(stage, SmtpFaultKind.EndlessLines) };
}

/// <summary>A fault at one stage of a session.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Kind">The kind of fault.</param>
public sealed record SmtpFault(SmtpStage Stage, SmtpFaultKind Kind);

/// <summary>The stages of a session at which a server sends something.</summary>
public enum SmtpStage
{
    /// <summary>The greeting.</summary>
    Banner,

    /// <summary>The answer to the EHLO before TLS.</summary>
    Ehlo,

    /// <summary>The answer to STARTTLS.</summary>
    StartTls,

    /// <summary>The TLS handshake, after STARTTLS was answered.</summary>
    Handshake,

    /// <summary>The answer to the EHLO inside TLS.</summary>
    EhloInTls,

    /// <summary>The answer to the message.</summary>
    Data,
}

/// <summary>The faults of a server on the wire.</summary>
public enum SmtpFaultKind
{
    /// <summary>Send nothing, and hold the connection open.</summary>
    Hang,

    /// <summary>Close the connection.</summary>
    CutOff,

    /// <summary>Send continuation lines without end.</summary>
    EndlessLines,

    /// <summary>Send one line without end.</summary>
    EndlessLine,

    /// <summary>Wait for the client to begin TLS, and send the alert protocol_version (RFC 5246 §7.2.2).</summary>
    RefuseTlsVersion,
}
