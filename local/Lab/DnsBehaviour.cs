namespace StsFunctions.Local.Lab;

/// <summary>How the server answers questions for one name.</summary>
public enum DnsBehaviour
{
    /// <summary>From the zone.</summary>
    Normal,

    /// <summary>SERVFAIL, as for a broken DNSSEC signature or a lame delegation.</summary>
    ServerFailure,

    /// <summary>REFUSED.</summary>
    Refused,

    /// <summary>Not at all: the client times out, over UDP and over TCP.</summary>
    Silent,

    /// <summary>Over UDP with the TC bit and no records, so that the client must ask over TCP.</summary>
    TruncatedOverUdp,

    /// <summary>With a CNAME to the same name.</summary>
    CnameLoop,
}
