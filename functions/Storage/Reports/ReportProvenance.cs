using System.Security.Cryptography;
using System.Text;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;

namespace StsFunctions.Storage.Reports;

/// <summary>The metadata of a blob about its arrival and signers: not trusted until <see cref="ReportProvenance"/> has verified that the app wrote it.</summary>
/// <param name="Source">How it arrived; empty if the metadata does not say.</param>
/// <param name="Signers">The signers with a valid signature at arrival.</param>
/// <param name="Mac">The code over both and the content.</param>
internal sealed record ProvenanceClaim(string Source, string Signers, string Mac)
{
    private const string SourceKey = "source";
    private const string SignersKey = "signers";
    private const string MacKey = "provenance";

    /// <summary>No provenance.</summary>
    public static ProvenanceClaim None { get; } = new("", "", "");

    /// <summary>How it arrived, if the value is known.</summary>
    public ReportSource? ClaimedSource => Enum.TryParse<ReportSource>(Source, out var source) && source.ToString() == Source ? source : null;

    /// <summary>Reads the metadata.</summary>
    public static ProvenanceClaim Of(IDictionary<string, string> metadata) => new(
        metadata.TryGetValue(SourceKey, out var source) ? source : "",
        metadata.TryGetValue(SignersKey, out var signers) ? signers : "",
        metadata.TryGetValue(MacKey, out var mac) ? mac : "");

    /// <summary>Writes the metadata.</summary>
    public void WriteTo(IDictionary<string, string> metadata)
    {
        foreach (var (key, value) in (ReadOnlySpan<(string, string)>)[(SourceKey, Source), (SignersKey, Signers), (MacKey, Mac)])
        {
            if (value.Length > 0)
            {
                metadata[key] = value;
            }
        }
    }
}

/// <summary>
/// Signs the metadata that the app writes for a raw report (HMAC-SHA-256 over its source, its signers and its bytes), and verifies it on reading. Any party with a SAS may put a blob
/// into the inbox with any metadata: without a valid code it counts as a dropped file. The code is copied when the report is moved, and
/// needs no storage call: the key is read once per process.
/// </summary>
internal sealed class ReportProvenance(ProvenanceKeyStore keys)
{
    private const string Version = "1";

    /// <summary>Creates the metadata of a raw report.</summary>
    /// <param name="source">How it arrived; null for a dropped file.</param>
    /// <param name="signers">The signers with a valid signature at arrival.</param>
    /// <param name="raw">Its bytes.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task<ProvenanceClaim> SignAsync(ReportSource? source, IReadOnlyList<DomainName> signers, ReadOnlyMemory<byte> raw, CancellationToken cancellationToken)
    {
        var claim = new ProvenanceClaim(source?.ToString() ?? "", string.Join(' ', signers), "");
        return claim == ProvenanceClaim.None ? claim : claim with { Mac = MacOf(await keys.GetAsync(cancellationToken), claim, raw.Span) };
    }

    /// <summary>Returns the arrival with its verified provenance.</summary>
    public async Task<IncomingReport> VerifyAsync(IncomingReport arrival, ReadOnlyMemory<byte> raw, CancellationToken cancellationToken)
    {
        var claim = arrival.Claim;
        if (claim.Mac.Length > 0 && IsSame(claim.Mac, MacOf(await keys.GetAsync(cancellationToken), claim, raw.Span)))
        {
            return arrival with
            {
                Source = claim.ClaimedSource,
                Signers = [.. claim.Signers.Split(' ').Select(text => DomainName.TryParse(text, out var signer) ? signer : null).OfType<DomainName>()],
            };
        }

        // A claim that lowers the authentication of a report needs no proof.
        return arrival with { Source = claim.ClaimedSource == ReportSource.Https ? ReportSource.Https : null, Signers = [] };
    }

    private static bool IsSame(string one, string other) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));

    // No part can contain a line end: metadata is sent in headers.
    private static string MacOf(byte[] key, ProvenanceClaim claim, ReadOnlySpan<byte> raw) => Convert.ToHexStringLower(
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{Version}\n{claim.Source}\n{claim.Signers}\n{Convert.ToHexStringLower(SHA256.HashData(raw))}")));
}
