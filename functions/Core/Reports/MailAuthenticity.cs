using System.Globalization;
using MimeKit;
using MimeKit.Cryptography;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;

namespace StsFunctions.Reports;

/// <summary>
/// Who vouches for a mail: its DKIM signatures, checked over its bytes as they came (RFC 6376 §6). A hostile mail costs a bounded
/// number of hashes and of questions to DNS, and bounded time.
/// </summary>
internal sealed class MailAuthenticity(Resolver resolver, TimeProvider time)
{
    /// <summary>How many signatures are looked at: senders put two, and each relay that means well one more.</summary>
    public const int MaxSignatures = 5;

    /// <summary>How long all the questions to DNS may take together; then they are put again later.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // A signature names the fields it covers, and each name is looked for among all fields: both are bounded.
    private const int MaxSignatureLength = 8 * 1024;
    private const int MaxFields = 1_000;

    // Of one arrival: each may cost questions to the DNS of whoever it names.
    private const int MaxMails = 10;

    // A reason goes to the log; what libraries say in one may repeat all of a signature.
    private const int MaxReason = 300;

    /// <summary>Checks the signatures of each mail that some reports of one arrival came in, the first ten: a mail vouches for what came in it alone.</summary>
    /// <param name="reports">The reports.</param>
    /// <param name="fromMailbox">As <see cref="VerifyAsync"/> takes it.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<Dictionary<MimeMessage, MailSigners>> VerifyEachAsync(IReadOnlyList<ReadReport> reports, bool fromMailbox, CancellationToken cancellation)
    {
        var signers = new Dictionary<MimeMessage, MailSigners>();
        foreach (var mail in reports.Select(report => report.Mail).OfType<MimeMessage>().Distinct().Take(MaxMails))
        {
            signers[mail] = await VerifyAsync(mail, fromMailbox, cancellation);
        }

        return signers;
    }

    /// <summary>Checks a mail's signatures.</summary>
    /// <param name="mail">As it was parsed, over the bytes that came.</param>
    /// <param name="fromMailbox">It was read out of the mailbox in Exchange Online, which notes what it found itself.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<MailSigners> VerifyAsync(MimeMessage mail, bool fromMailbox, CancellationToken cancellation)
    {
        var names = MailNames.Of(mail);
        var fields = mail.Headers.Where(header => header.Id == HeaderId.DkimSignature).ToList();
        var signatures = fields
            .Select(header => (Header: header, Tags: header.RawValue.Length <= MaxSignatureLength ? DkimTags.TryParse(header.Value) : null))
            .Select(signature => new Signature(signature.Header, signature.Tags, DomainName.TryParse(signature.Tags?["d"], out var domain) ? domain : null))
            // The sender's own first, wherever relays have put theirs.
            .OrderByDescending(signature => signature.Domain is { } domain && names.AreAllOf(domain))
            .Take(MaxSignatures)
            .ToList();

        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        var verifier = new DkimVerifier(new DkimKeys(resolver));
        var valid = new List<DomainName>();
        var untold = new List<DomainName>();
        var reasons = new List<string>();
        foreach (var signature in signatures)
        {
            try
            {
                if (mail.Headers.Count > MaxFields)
                {
                    reasons.Add($"it has more than {MaxFields} header fields");
                }
                else if (FaultOf(signature) is { } fault)
                {
                    reasons.Add(fault);
                }
                else if (await verifier.VerifyAsync(mail, signature.Header, either.Token))
                {
                    valid.Add(signature.Domain!);
                }
                else
                {
                    reasons.Add($"the signature of {signature.Domain} is not that of this mail");
                }
            }
            catch (DkimKeyNotToldException e)
            {
                untold.Add(signature.Domain!);
                reasons.Add(e.Message);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                untold.Add(signature.Domain!);
                reasons.Add($"DNS did not tell the key of {signature.Domain} in time");
            }
            catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException))
            {
                // A signature that cannot be read, or whose key does not fit it, is not valid (RFC 6376 §6.1.1). What the libraries below throw for one
                // is up to them: it concerns this signature alone, and the same bytes give the same answer, so it is not tried again.
                reasons.Add(e.Message);
            }
        }

        return new MailSigners(
            names, fields.Count > 0, valid, untold, fromMailbox ? FoundByReceiver(mail, signatures) : [], [.. reasons.Select(reason => reason[..Math.Min(reason.Length, MaxReason)])]);
    }

    // What MimeKit's verifier leaves to us.
    private string? FaultOf(Signature signature)
    {
        if (signature.Tags is not { } tags || signature.Domain is not { } domain)
        {
            return "a signature cannot be read";
        }

        if (tags["l"] is not null)
        {
            // RFC 8460 §3: else anybody could append a report to somebody's mail.
            return $"the signature of {domain} covers a part of the body only (l=)";
        }

        return tags["x"] is { } expires && (!long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at < time.GetUtcNow().ToUnixTimeSeconds())
            ? $"the signature of {domain} has expired"
            : null;
    }

    /// <summary>
    /// A tolerance for Exchange Online, which rewrites bodies on their way into a mailbox, so that a body's hash fails afterwards: the
    /// domains whose signatures it found valid before. Only the topmost field counts: what stands below came with the mail.
    /// A signature that we would not take for its form (l=) is not taken on another's word either.
    /// </summary>
    private static List<DomainName> FoundByReceiver(MimeMessage mail, List<Signature> signatures)
    {
        var topmost = mail.Headers.FirstOrDefault(header => header.Id == HeaderId.AuthenticationResults);
        if (topmost is null || topmost.RawValue.Length > MaxSignatureLength || !AuthenticationResults.TryParse(topmost.RawValue, out var results))
        {
            return [];
        }

        var domains = new List<DomainName>();
        foreach (var result in results.Results.Where(result => result is { Method: "dkim", Result: "pass" }))
        {
            if (DomainName.TryParse(result.Properties.FirstOrDefault(property => property is { PropertyType: "header", Property: "d" })?.Value, out var domain)
                && signatures.Any(signature => signature.Domain == domain)
                && signatures.All(signature => signature.Domain != domain || signature.Tags!["l"] is null))
            {
                domains.Add(domain);
            }
        }

        return domains;
    }

    private sealed record Signature(Header Header, DkimTags? Tags, DomainName? Domain);
}
