using System.Collections.Immutable;

namespace StsFunctions.Protocol;

/// <summary>A sender's selection among all the TXT records at one name (RFC 8461 §3.1, RFC 8460 §3).</summary>
/// <typeparam name="TRecord">The kind of record.</typeparam>
public sealed record TxtSelection<TRecord>
    where TRecord : class
{
    /// <summary>None, one, several or malformed. Only <see cref="TxtRecordStatus.One"/> announces anything.</summary>
    public required TxtRecordStatus Outcome { get; init; }

    /// <summary>The record, where the outcome is <see cref="TxtRecordStatus.One"/>.</summary>
    public TRecord? Record { get; init; }

    /// <summary>Why the only record is malformed, where the outcome is <see cref="TxtRecordStatus.Malformed"/>.</summary>
    public ProtocolException? Fault { get; init; }

    /// <summary>The records of this kind, unchanged.</summary>
    public ImmutableArray<string> Candidates { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The records that senders drop because they begin with something else, unchanged.</summary>
    public ImmutableArray<string> Dropped { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>
    /// Whether a record has white space between its version and the first <c>;</c>. The grammar allows it; the rule for
    /// choosing among several records requires the <c>;</c> directly after the version. Senders differ: the white space must go.
    /// </summary>
    public bool IsAmbiguous { get; init; }

    /// <summary>Whether both have the same result and records; faults are compared by message.</summary>
    public bool Equals(TxtSelection<TRecord>? other) =>
        other is not null
        && (Outcome, IsAmbiguous, Fault?.Message) == (other.Outcome, other.IsAmbiguous, other.Fault?.Message)
        && Equals(Record, other.Record)
        && Candidates.SequenceEqual(other.Candidates)
        && Dropped.SequenceEqual(other.Dropped);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Outcome, Record, Candidates.Length, Dropped.Length);
}
