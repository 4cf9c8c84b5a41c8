namespace StsFunctions.Local.Lab;

/// <summary>A domain of the mail lab, without a fault or with one known fault.</summary>
/// <param name="Name">The policy domain.</param>
/// <param name="Fault">What is wrong with it, in one sentence.</param>
public sealed record LabDomain(string Name, string Fault)
{
    /// <summary>Placeholder for the policy id in <see cref="StsRecords"/>.</summary>
    public const string Id = "{id}";

    /// <summary>Its MX hosts; the first is the one preferred.</summary>
    public IReadOnlyList<LabMx> Mx { get; init; } = [];

    /// <summary>What its MX records say of <see cref="Mx"/>.</summary>
    public MxRecords MxRecords { get; init; } = MxRecords.Listed;

    /// <summary>The TXT records at <c>_mta-sts</c>, with <see cref="Id"/> where the id goes.</summary>
    public IReadOnlyList<string> StsRecords { get; init; } = LabStsRecords.Good;

    /// <summary>Where <c>_mta-sts</c> is delegated to by a CNAME (RFC 8461 §8.2); null when the TXT records are its own.</summary>
    public string? StsRecordDelegatedTo { get; init; }

    /// <summary>Its policy host, as a server of the lab itself; null leaves the policy to the app.</summary>
    public LabPolicyHost? PolicyHost { get; init; }

    /// <summary>What is wrong with DNS itself.</summary>
    public IReadOnlyList<LabDnsFault> Dns { get; init; } = [];

    /// <summary>The <c>mx</c> patterns of its policy; null lists exactly its MX hosts.</summary>
    public IReadOnlyList<string>? Covers { get; init; }

    /// <summary>The codes of the findings that a check must find, sorted; none for a domain without a fault.</summary>
    public IReadOnlyList<string> Expected { get; init; } = [];

    /// <summary>The policy it is to be served with, its lines ended by LF.</summary>
    public string Policy =>
        $"version: STSv1\nmode: enforce\n{string.Concat((Covers ?? Mx.Select(mx => mx.Host)).Select(mx => $"mx: {mx}\n"))}max_age: 604800\n";
}

/// <summary>What a domain publishes of its MX hosts.</summary>
public enum MxRecords
{
    /// <summary>An MX record for each.</summary>
    Listed,

    /// <summary>One null MX: the domain takes no mail (RFC 7505).</summary>
    Null,

    /// <summary>No MX record: the domain's own address takes its mail (RFC 5321 §5.1).</summary>
    Implicit,
}

/// <summary>An MX host of a domain, as it is when the lab starts.</summary>
/// <param name="Host">Its name in the MX record.</param>
public sealed record LabMx(string Host)
{
    /// <summary>Its certificate; null is a good one for its name.</summary>
    public CertificateSpec? Certificate { get; init; }

    /// <summary>Another, whose key is of another kind, for clients that cannot use the first; null when it has only one.</summary>
    public CertificateSpec? SecondCertificate { get; init; }

    /// <summary>Its behaviour.</summary>
    public SmtpScript Script { get; init; } = SmtpScript.Good;

    /// <summary>Its addresses.</summary>
    public IReadOnlyList<LabAddress> Addresses { get; init; } = [LabAddress.IPv4];

    /// <summary>The name that its own is an alias of (RFC 2181 §10.3 forbids it); null when it has its addresses itself.</summary>
    public string? AliasOf { get; init; }
}

/// <summary>An address of an MX host.</summary>
public enum LabAddress
{
    /// <summary>127.0.x.y, with a server.</summary>
    IPv4,

    /// <summary>127.0.x.y, where nothing listens.</summary>
    DeadIPv4,

    /// <summary>::1, of which there is one: at most one host of a lab can have it.</summary>
    IPv6,
}

/// <summary>A policy host, as it is when the lab starts.</summary>
public sealed record LabPolicyHost
{
    /// <summary>Its certificate; null is a good one for its name.</summary>
    public CertificateSpec? Certificate { get; init; }

    /// <summary>How it answers.</summary>
    public PolicyScript Script { get; init; } = PolicyScript.Good;

    /// <summary>Whether it listens.</summary>
    public bool Listens { get; init; } = true;
}

/// <summary>A name for which DNS does not answer correctly.</summary>
/// <param name="Name">The whole name.</param>
/// <param name="Behaviour">How questions for it are answered.</param>
public sealed record LabDnsFault(string Name, DnsBehaviour Behaviour);

/// <summary>What a domain may publish at <c>_mta-sts</c>, with <see cref="LabDomain.Id"/> where the id goes.</summary>
public static class LabStsRecords
{
    /// <summary>One record, and good.</summary>
    public static IReadOnlyList<string> Good { get; } = [$"v=STSv1; id={LabDomain.Id};"];

    /// <summary>None.</summary>
    public static IReadOnlyList<string> Missing { get; } = [];

    /// <summary>Two, each of them good: senders see none (RFC 8461 §3.1).</summary>
    public static IReadOnlyList<string> Twice { get; } = [.. Good, "v=STSv1; id=20200101000000;"];

    /// <summary>One whose id is not letters and digits.</summary>
    public static IReadOnlyList<string> Malformed { get; } = [$"v=STSv1; id={LabDomain.Id}-new;"];

    /// <summary>One whose id is not the policy's.</summary>
    public static IReadOnlyList<string> Outdated { get; } = ["v=STSv1; id=20200101000000;"];
}
