namespace StsFunctions.Local.Lab;

/// <summary>A record and its name.</summary>
internal readonly record struct OwnedRecord(string Owner, DnsRecord Record);

/// <summary>RCODE (RFC 1035 §4.1.1); BADVERS is extended by EDNS0 (RFC 6891 §9).</summary>
internal enum DnsResponseCode
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NameError = 3,
    NotImplemented = 4,
    Refused = 5,
    BadVersion = 16,
}

/// <summary>The content of a response, before it is written.</summary>
internal sealed record DnsAnswer(
    DnsResponseCode Code, IReadOnlyList<OwnedRecord> Answers, IReadOnlyList<OwnedRecord> Authority, bool TruncatedOverUdp)
{
    /// <summary>Whether it is marked as validated by DNSSEC, as by a validating resolver (RFC 4035 §3.2.3).</summary>
    public bool IsAuthentic { get; init; }

    public static DnsAnswer Found(IReadOnlyList<OwnedRecord> answers, bool truncatedOverUdp) =>
        new(DnsResponseCode.NoError, answers, [], truncatedOverUdp);

    // The SOA says how long a resolver may cache that the name or type does not exist (RFC 2308 §3).
    public static DnsAnswer Nothing(DnsResponseCode code, IReadOnlyList<OwnedRecord> answers, OwnedRecord soa, bool truncatedOverUdp) =>
        new(code, answers, [soa], truncatedOverUdp);

    public static DnsAnswer Failure(DnsResponseCode code) => new(code, [], [], false);
}
