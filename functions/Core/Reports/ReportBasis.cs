using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using StsFunctions.Core.Findings;

namespace StsFunctions.Core.Reports;

/// <summary>One signer that a finding of reports is based on.</summary>
/// <param name="Signer">The signing domain; empty if unsigned reports count.</param>
/// <param name="LastDay">The last day of which it reported the failure.</param>
/// <param name="Severity">The worst severity of its own figures while the finding is open.</param>
internal sealed record ReportWitness(
    [property: JsonPropertyName("s")] string Signer,
    [property: JsonPropertyName("d")] DateOnly LastDay,
    [property: JsonPropertyName("v")] Severity Severity)
{
    /// <summary>In words.</summary>
    [JsonIgnore]
    public string Words => string.Create(CultureInfo.InvariantCulture, $"{SigningDomain.Describe(Signer, "")} ({LastDay:yyyy-MM-dd})");
}

/// <summary>
/// The basis of a finding of reports, stored with it (<see cref="Finding.Basis"/>): only the signers that opened it close it.
/// </summary>
/// <param name="Witnesses">The signers that reported it, and have not reported its end.</param>
/// <param name="IsConfirmed">A check of this app found it too while it was open.</param>
internal sealed record ReportBasis(
    [property: JsonPropertyName("w")] ImmutableArray<ReportWitness> Witnesses,
    [property: JsonPropertyName("c")] bool IsConfirmed)
{
    /// <summary>No signer reported it.</summary>
    public static ReportBasis None { get; } = new([], false);

    /// <summary>The resulting severity: each signer counts once, and one untrusted signer alone never makes it critical.</summary>
    public Severity SeverityBy(TrustedReportSigners trusted)
    {
        var worst = Witnesses.IsEmpty ? Severity.Info : Witnesses.Max(witness => witness.Severity);
        return worst < Severity.Critical || IsConfirmed || IsCriticalBy(trusted) ? worst : Severity.Warning;
    }

    /// <summary>Whether a trusted signer reports it, or two that are independent of each other.</summary>
    public bool IsCriticalBy(TrustedReportSigners trusted)
    {
        var critical = Witnesses.Where(witness => witness is { Severity: Severity.Critical, Signer: not "" }).ToList();
        return critical.Exists(witness => trusted.Contains(witness.Signer)) || critical.Select(witness => SigningDomain.OrganizationalDomainOf(witness.Signer)).Distinct().Count() > 1;
    }

    /// <summary>As it is stored with the finding.</summary>
    public string ToText() => JsonSerializer.Serialize(this, ReportBasisJson.Default.ReportBasis);

    /// <summary>Reads what <see cref="ToText"/> wrote; what another version wrote is ignored.</summary>
    public static ReportBasis FromText(string text)
    {
        try
        {
            return text.Length > 0 && JsonSerializer.Deserialize(text, ReportBasisJson.Default.ReportBasis) is { Witnesses.IsDefault: false } basis ? basis : None;
        }
        catch (JsonException)
        {
            return None;
        }
    }

    /// <summary>Whether both have the same content, in the same order.</summary>
    public bool Equals(ReportBasis? other) => other is not null && IsConfirmed == other.IsConfirmed && Witnesses.SequenceEqual(other.Witnesses);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(IsConfirmed, Witnesses.Length);
}

[JsonSerializable(typeof(ReportBasis))]
[JsonSourceGenerationOptions(UseStringEnumConverter = true)]
internal sealed partial class ReportBasisJson : JsonSerializerContext;
