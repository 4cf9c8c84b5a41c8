using System.Security.Cryptography;
using System.Text;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.Reports;

/// <summary>What a blob's metadata says of how it came and who signed it: anybody's words until <see cref="ReportProvenance"/> knows them for the app's own.</summary>
/// <param name="Source">How it came, as it stands there; empty where nothing does.</param>
/// <param name="Signers">Whose signatures were valid when it arrived, as it stands there.</param>
/// <param name="Mac">The code over both and the content.</param>
internal sealed record ProvenanceClaim(string Source, string Signers, string Mac)
{
    private const string SourceKey = "source";
    private const string SignersKey = "signers";
    private const string MacKey = "provenance";

    /// <summary>Nothing is said.</summary>
    public static ProvenanceClaim None { get; } = new("", "", "");

    /// <summary>How it came, where that is a way.</summary>
    public ReportSource? ClaimedSource => Enum.TryParse<ReportSource>(Source, out var source) && source.ToString() == Source ? source : null;

    /// <summary>Reads what stands in metadata.</summary>
    public static ProvenanceClaim Of(IDictionary<string, string> metadata) => new(
        metadata.TryGetValue(SourceKey, out var source) ? source : "",
        metadata.TryGetValue(SignersKey, out var signers) ? signers : "",
        metadata.TryGetValue(MacKey, out var mac) ? mac : "");

    /// <summary>Writes it into metadata.</summary>
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
/// Signs what the app writes of a raw report beside it (HMAC-SHA-256 over how it came, who signed it and its bytes), and checks that when it is read. A blob may be put
/// into the inbox by whoever has a SAS, with any metadata: without a valid code it is a dropped file. The code goes along when the report is moved, and
/// costs no call of storage: the key is read once a process.
/// </summary>
internal sealed class ReportProvenance(ProvenanceKeyStore keys)
{
    private const string Version = "1";

    /// <summary>What is to stand in the metadata of a raw report.</summary>
    /// <param name="source">How it came; null for a dropped file.</param>
    /// <param name="signers">Whose signatures were valid when it arrived.</param>
    /// <param name="raw">Its bytes.</param>
    /// <param name="cancellation">Ends the work.</param>
    public async Task<ProvenanceClaim> SignAsync(ReportSource? source, IReadOnlyList<DomainName> signers, ReadOnlyMemory<byte> raw, CancellationToken cancellation)
    {
        var claim = new ProvenanceClaim(source?.ToString() ?? "", string.Join(' ', signers), "");
        return claim == ProvenanceClaim.None ? claim : claim with { Mac = MacOf(await keys.GetAsync(cancellation), claim, raw.Span) };
    }

    /// <summary>The same arrival with what is true of its claim.</summary>
    public async Task<Arrival> VerifyAsync(Arrival arrival, ReadOnlyMemory<byte> raw, CancellationToken cancellation)
    {
        var claim = arrival.Claim;
        if (claim.Mac.Length > 0 && IsSame(claim.Mac, MacOf(await keys.GetAsync(cancellation), claim, raw.Span)))
        {
            return arrival with
            {
                Source = claim.ClaimedSource,
                Signers = [.. claim.Signers.Split(' ').Select(text => DomainName.TryParse(text, out var signer) ? signer : null).OfType<DomainName>()],
            };
        }

        // What makes a report count less needs no proof.
        return arrival with { Source = claim.ClaimedSource == ReportSource.Https ? ReportSource.Https : null, Signers = [] };
    }

    private static bool IsSame(string one, string other) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));

    // No part can hold a line end: metadata travels in headers.
    private static string MacOf(byte[] key, ProvenanceClaim claim, ReadOnlySpan<byte> raw) => Convert.ToHexStringLower(
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{Version}\n{claim.Source}\n{claim.Signers}\n{Convert.ToHexStringLower(SHA256.HashData(raw))}")));
}
