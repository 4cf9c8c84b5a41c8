using System.Globalization;
using MimeKit;
using MimeKit.Cryptography;
using StsFunctions.Core.Observations;
using StsFunctions.Protocol;
using StsFunctions.ReportIntake.Containers;

namespace StsFunctions.ReportIntake.Dkim;

/// <summary>
/// Authenticates a mail: verifies its DKIM signatures over its original bytes (RFC 6376 §6). A hostile mail costs a limited
/// number of hashes and DNS queries, and limited time.
/// </summary>
internal sealed class DkimValidator(ITxtLookup dns, TimeProvider time)
{
    /// <summary>The most signatures that are verified: senders add two, and each relay may add one more.</summary>
    public const int MaxSignatures = 5;

    /// <summary>The time limit of all DNS queries together; after it they are retried later.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    // A signature names the fields that it covers, and each name is searched among all fields: both are limited.
    private const int MaxSignatureLength = 8 * 1024;
    private const int MaxFields = 1_000;

    // Per arrival: each may cost DNS queries to servers that it names.
    private const int MaxMails = 10;

    // A reason goes to the log; a library's message may repeat a whole signature.
    private const int MaxReason = 300;

    /// <summary>Verifies the signatures of the first ten mails around the reports of one arrival: a mail authenticates only the reports in it.</summary>
    /// <param name="reports">The reports.</param>
    /// <param name="fromMailbox">See <see cref="VerifyAsync"/>.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<Dictionary<MimeMessage, DkimResults>> VerifyEachAsync(IReadOnlyList<ReadReport> reports, bool fromMailbox, CancellationToken cancellationToken)
    {
        var signers = new Dictionary<MimeMessage, DkimResults>();
        foreach (var mail in reports.Select(report => report.Mail).OfType<MimeMessage>().Distinct().Take(MaxMails))
        {
            signers[mail] = await VerifyAsync(mail, fromMailbox, cancellationToken);
        }

        return signers;
    }

    /// <summary>Verifies a mail's signatures.</summary>
    /// <param name="mail">The mail, parsed from its original bytes.</param>
    /// <param name="fromMailbox">Whether it was read from the mailbox in Exchange Online, which records its own results.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<DkimResults> VerifyAsync(MimeMessage mail, bool fromMailbox, CancellationToken cancellationToken)
    {
        var names = SenderIdentity.Of(mail);
        var fields = mail.Headers.Where(header => header.Id == HeaderId.DkimSignature).ToList();
        var signatures = fields
            .Select(header => (Header: header, Tags: header.RawValue.Length <= MaxSignatureLength ? DkimTags.TryParse(header.Value) : null))
            .Select(signature => new Signature(signature.Header, signature.Tags, DomainName.TryParse(signature.Tags?["d"], out var domain) ? domain : null))
            // The sender's own signatures first, wherever relays have put theirs.
            .OrderByDescending(signature => signature.Domain is { } domain && names.AreAllOf(domain))
            .Take(MaxSignatures)
            .ToList();

        using var limit = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var verifier = new DkimVerifier(new DkimKeys(dns));
        var valid = new List<DomainName>();
        var unavailable = new List<DomainName>();
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
            catch (DkimKeyUnavailableException e)
            {
                unavailable.Add(signature.Domain!);
                reasons.Add(e.Message);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                unavailable.Add(signature.Domain!);
                reasons.Add($"DNS did not answer in time for the key of {signature.Domain}");
            }
            catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException))
            {
                // A signature that cannot be read, or whose key does not fit it, is not valid (RFC 6376 §6.1.1). The libraries decide what they throw for one:
                // it concerns this signature alone, and the same bytes give the same result, so it is not retried.
                reasons.Add(e.Message);
            }
        }

        return new DkimResults(
            names, fields.Count > 0, valid, unavailable, fromMailbox ? FoundByReceiver(mail, signatures) : [], [.. reasons.Select(reason => reason[..Math.Min(reason.Length, MaxReason)])]);
    }

    // The checks that MimeKit's verifier does not do.
    private string? FaultOf(Signature signature)
    {
        if (signature.Tags is not { } tags || signature.Domain is not { } domain)
        {
            return "a signature cannot be read";
        }

        if (tags["l"] is not null)
        {
            // RFC 8460 §3: otherwise anybody could append a report to a signed mail.
            return $"the signature of {domain} covers a part of the body only (l=)";
        }

        return tags["x"] is { } expires && (!long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at < time.GetUtcNow().ToUnixTimeSeconds())
            ? $"the signature of {domain} has expired"
            : null;
    }

    /// <summary>
    /// A tolerance for Exchange Online, which rewrites bodies on delivery into a mailbox, so that a body's hash fails afterwards: the
    /// domains whose signatures it found valid before. Only the topmost field counts: those below arrived with the mail.
    /// A signature that is rejected here for its form (l=) is not accepted from Exchange Online's result either.
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
