namespace StsFunctions.Local.Lab;

/// <summary>The record types that the zone holds (IANA, DNS parameters).</summary>
public enum DnsRecordType
{
    /// <summary>An IPv4 address (RFC 1035 §3.4.1).</summary>
    A = 1,

    /// <summary>A name server (RFC 1035 §3.3.11).</summary>
    Ns = 2,

    /// <summary>An alias (RFC 1035 §3.3.1).</summary>
    Cname = 5,

    /// <summary>The start of a zone (RFC 1035 §3.3.13).</summary>
    Soa = 6,

    /// <summary>A mail exchanger (RFC 1035 §3.3.9).</summary>
    Mx = 15,

    /// <summary>Text, in one or more strings (RFC 1035 §3.3.14).</summary>
    Txt = 16,

    /// <summary>An IPv6 address (RFC 3596 §2.1).</summary>
    Aaaa = 28,

    /// <summary>The EDNS0 pseudo-record (RFC 6891 §6.1); only ever in a message.</summary>
    Opt = 41,

    /// <summary>A TLS certificate association (RFC 6698 §2).</summary>
    Tlsa = 52,

    /// <summary>A question for every type (RFC 1035 §3.2.3); only ever in a question.</summary>
    Any = 255,

    /// <summary>Which CA may issue (RFC 8659 §4.1).</summary>
    Caa = 257,
}
