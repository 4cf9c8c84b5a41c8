using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace StsFunctions.Core.Reports;

/// <summary>Sessions that failed in the same way at one server.</summary>
/// <param name="ResultType">As the sender wrote it (RFC 8460 §4.3).</param>
/// <param name="MxHost">The receiving MX host name, or empty.</param>
/// <param name="Address">The receiving address, or empty.</param>
/// <param name="Sessions">How many sessions failed so.</param>
internal sealed record FailureKind(
    [property: JsonPropertyName("r")] string ResultType,
    [property: JsonPropertyName("h")] string MxHost,
    [property: JsonPropertyName("a")] string Address,
    [property: JsonPropertyName("n")] long Sessions);

/// <summary>The sessions that a report counts under one policy type. Several types count the same sessions, so nothing is ever summed across them.</summary>
/// <param name="PolicyType">The type (RFC 8460 §4.4).</param>
/// <param name="Sessions">Successful sessions.</param>
/// <param name="Failures">Failed sessions: the sender's own total, which its details need not add up to.</param>
/// <param name="Kinds">The most frequent kinds of failure.</param>
/// <param name="OtherFailures">Failed sessions of all other kinds.</param>
internal sealed record TypeCounts(
    [property: JsonPropertyName("t")] string PolicyType,
    [property: JsonPropertyName("s")] long Sessions,
    [property: JsonPropertyName("f")] long Failures,
    [property: JsonPropertyName("k")] ImmutableArray<FailureKind> Kinds,
    [property: JsonPropertyName("o")] long OtherFailures)
{
    /// <summary>Failed sessions that the sender's details do not contain.</summary>
    [JsonIgnore]
    public long UnexplainedFailures => Math.Max(0, Failures - Report.Sum(Kinds.Select(kind => kind.Sessions).Append(OtherFailures)));

    /// <summary>Whether both have the same content, in the same order.</summary>
    public bool Equals(TypeCounts? other) =>
        other is not null
        && (PolicyType, Sessions, Failures, OtherFailures) == (other.PolicyType, other.Sessions, other.Failures, other.OtherFailures)
        && Kinds.SequenceEqual(other.Kinds);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PolicyType, Sessions, Failures, OtherFailures, Kinds.Length);
}

/// <summary>
/// The counts of a report by policy type, short enough for its row: months of a domain are read with one
/// scan of one partition. <c>ReportFailures</c> has all details.
/// </summary>
/// <param name="Types">The type that is counted first, then the others by their sessions.</param>
internal sealed record ReportDigest(ImmutableArray<TypeCounts> Types)
{
    /// <summary>The registry has three policy types; of a report that names more than this, the first are stored.</summary>
    public const int MaxTypes = 8;

    /// <summary>How many kinds of failure a row contains.</summary>
    public const int MaxKinds = 50;

    // A property of a table holds 32 Ki characters; names that are all escapes must not fill it.
    private const int MaxText = 8 * 1024;

    /// <summary>Sums a report up.</summary>
    /// <param name="types">Its policy types with their totals, the counted one first.</param>
    /// <param name="failures">Its failures, the largest first.</param>
    public static ReportDigest Of(IEnumerable<(string PolicyType, long Sessions, long Failures)> types, IReadOnlyList<ReportFailure> failures)
    {
        var stored = Largest(failures);
        return new ReportDigest([.. types.Take(MaxTypes).Select(type => new TypeCounts(
            type.PolicyType,
            type.Sessions,
            type.Failures,
            [.. stored.Where(failure => failure.PolicyType == type.PolicyType).Select(failure => new FailureKind(failure.ResultType, failure.MxHost, failure.Address, failure.Sessions))],
            Report.Sum(failures.Where(failure => failure.PolicyType == type.PolicyType && !stored.Contains(failure)).Select(failure => failure.Sessions))))]);
    }

    /// <summary>As it is stored in the row.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReportDigestJson.Default.ReportDigest);

    /// <summary>Reads what <see cref="ToJson"/> wrote; null where there is nothing, or something that another version wrote.</summary>
    public static ReportDigest? FromJson(string? json)
    {
        try
        {
            return json is not null && JsonSerializer.Deserialize(json, ReportDigestJson.Default.ReportDigest) is { Types.IsDefault: false } digest
                && digest.Types.All(type => !type.Kinds.IsDefault) ? digest : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public bool Equals(ReportDigest? other) => other is not null && Types.SequenceEqual(other.Types);

    public override int GetHashCode() => Types.Length;

    private static HashSet<ReportFailure> Largest(IEnumerable<ReportFailure> failures)
    {
        var stored = new HashSet<ReportFailure>(ReferenceEqualityComparer.Instance);
        var length = 0;
        foreach (var failure in failures.Where(failure => failure.ResultType != ReportFailure.Others).OrderByDescending(failure => failure.Sessions).Take(MaxKinds))
        {
            length += LengthOf(failure.ResultType) + LengthOf(failure.MxHost) + LengthOf(failure.Address);
            if (length > MaxText)
            {
                break;
            }

            stored.Add(failure);
        }

        return stored;
    }

    private static int LengthOf(string text) => JavaScriptEncoder.Default.Encode(text).Length;
}

[JsonSerializable(typeof(ReportDigest))]
internal sealed partial class ReportDigestJson : JsonSerializerContext;
