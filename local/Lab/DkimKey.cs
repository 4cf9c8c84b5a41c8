using System.Security.Cryptography;
using System.Text;
using MimeKit;
using MimeKit.Cryptography;

namespace StsFunctions.Local.Lab;

/// <summary>A domain's key for signing mail (RFC 6376), and the record that publishes it.</summary>
public sealed class DkimKey
{
    private readonly string _privateKey;
    private readonly string _publicKey;

    /// <summary>Makes a new key.</summary>
    public DkimKey(string domain, string selector = "reports")
    {
        using var rsa = RSA.Create(2048);
        (Domain, Selector, _privateKey, _publicKey) = (domain, selector, rsa.ExportPkcs8PrivateKeyPem(), Convert.ToBase64String(rsa.ExportSubjectPublicKeyInfo()));
    }

    private DkimKey(DkimKey same, string domain, string selector) =>
        (Domain, Selector, _privateKey, _publicKey) = (domain, selector, same._privateKey, same._publicKey);

    /// <summary>Who signs with it.</summary>
    public string Domain { get; }

    /// <summary>Which of the domain's keys it is.</summary>
    public string Selector { get; }

    /// <summary>Where its record is.</summary>
    public string RecordName => $"{Selector}._domainkey.{Domain}";

    /// <summary>The record, as RFC 8460 §3 wants it for reports, or with other tags before the key itself.</summary>
    public string Record(string tags = "v=DKIM1; k=rsa; s=tlsrpt; ") => $"{tags}p={_publicKey}";

    /// <summary>The same key as another domain's, or under another selector: making one takes its time.</summary>
    public DkimKey As(string domain, string selector = "reports") => new(this, domain, selector);

    /// <summary>Puts the record into a zone.</summary>
    public void Publish(DnsZone zone, string tags = "v=DKIM1; k=rsa; s=tlsrpt; ")
    {
        var text = Record(tags);
        zone.Set(RecordName, DnsRecord.Txt([.. text.Chunk(255).Select(part => new string(part))]));
    }

    /// <summary>Signs a mail: body, From, Subject, To, and what RFC 8460 §5.3 adds.</summary>
    /// <param name="mail">The mail; the signature becomes its first header field.</param>
    /// <param name="userAndMore">The i= tag, and any text that a hostile signer writes after it; null: none.</param>
    /// <param name="expiresAfter">The validity of the signature; null: unlimited.</param>
    public void Sign(MimeMessage mail, string? userAndMore = null, TimeSpan? expiresAfter = null)
    {
        using var key = new MemoryStream(Encoding.ASCII.GetBytes(_privateKey));
        var signer = new DkimSigner(key, Domain, Selector, DkimSignatureAlgorithm.RsaSha256)
        {
            HeaderCanonicalizationAlgorithm = DkimCanonicalizationAlgorithm.Relaxed,
            BodyCanonicalizationAlgorithm = DkimCanonicalizationAlgorithm.Relaxed,
            AgentOrUserIdentifier = userAndMore,
            SignaturesExpireAfter = expiresAfter,
        };
        mail.Prepare(EncodingConstraint.SevenBit);
        string[] covered = ["From", "To", "Subject", "TLS-Report-Domain", "TLS-Report-Submitter"];
        signer.Sign(mail, [.. covered.Where(field => mail.Headers.Contains(field))]);
    }
}
