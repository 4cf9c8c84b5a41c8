using DnsClient;
using DnsClient.Protocol;
using MimeKit.Cryptography;
using Org.BouncyCastle.Crypto;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;

namespace StsFunctions.Reports;

/// <summary>There is no key by which a signature could be valid.</summary>
internal sealed class NoDkimKeyException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>DNS does not tell whether there is a key.</summary>
internal sealed class DkimKeyNotToldException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The public keys that signatures name, out of DNS (RFC 6376 §3.6).</summary>
internal sealed class DkimKeys(Resolver resolver) : IDkimPublicKeyLocator
{
    // RFC 8460 §3: a key that is for some services alone is for reports if it names this one.
    private const string Service = "tlsrpt";

    // What is repeated in a reason, of a text that may be 64 KiB.
    private const int MaxShown = 60;

    /// <summary>Not used: keys are looked up without blocking.</summary>
    public AsymmetricKeyParameter LocatePublicKey(string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("Keys are looked up without blocking a thread.");

    /// <summary>The key of a signature.</summary>
    /// <exception cref="NoDkimKeyException">There is none, or none for this use.</exception>
    /// <exception cref="DkimKeyNotToldException">DNS does not say.</exception>
    public async Task<AsymmetricKeyParameter> LocatePublicKeyAsync(string methods, string domain, string selector, CancellationToken cancellationToken = default)
    {
        var name = $"{selector}._domainkey.{domain}";
        if (name.Length > DomainName.MaxLength || !selector.Split('.').All(IsLabel))
        {
            throw new NoDkimKeyException($"\"{selector}\" is not a selector.");
        }

        var texts = await TextsAsync(name, cancellationToken);
        // RFC 6376 §3.6.2.2 leaves open what several records at one name mean: the first that is a key is.
        return texts.Select(text => DkimTags.TryParse(text)).FirstOrDefault(tags => tags?["p"] is not null) is { } key
            ? KeyOf(name, key)
            : throw new NoDkimKeyException($"There is no key at {name}.");
    }

    private async Task<IEnumerable<string>> TextsAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var answer = await resolver.AskAsync(name, QueryType.TXT, cancellation);
            return answer.Header.ResponseCode switch
            {
                DnsHeaderResponseCode.NoError => answer.Answers.OfType<TxtRecord>().Select(record => string.Concat(record.Text)),
                DnsHeaderResponseCode.NotExistentDomain => [],
                _ => throw new DkimKeyNotToldException($"DNS does not tell the key at {name}: {answer.ErrorMessage}"),
            };
        }
        catch (Exception e) when (Resolver.IsFailure(e))
        {
            throw new DkimKeyNotToldException($"DNS does not tell the key at {name}: {e.Message}", e);
        }
    }

    private static AsymmetricKeyParameter KeyOf(string name, DkimTags key)
    {
        if (key["v"] is not (null or "DKIM1"))
        {
            throw new NoDkimKeyException($"The key at {name} is of a version that nobody knows.");
        }

        if (key["s"] is { } services && !Listed(services).Any(service => service is "*" or Service))
        {
            throw new NoDkimKeyException($"The key at {name} is for \"{services[..Math.Min(services.Length, MaxShown)]}\" alone, not for reports (RFC 8460 section 3).");
        }

        if (key["h"] is { } hashes && !Listed(hashes).Contains("sha256"))
        {
            throw new NoDkimKeyException($"The key at {name} is for other hashes than SHA-256.");
        }

        if (key["t"] is { } flags && Listed(flags).Contains("y"))
        {
            // RFC 6376 §3.6.1: such mail must not be treated otherwise than unsigned mail.
            throw new NoDkimKeyException($"The key at {name} is marked as a trial.");
        }

        if (key["p"] is "")
        {
            throw new NoDkimKeyException($"The key at {name} is revoked.");
        }

        try
        {
            return DkimPublicKey.Read(key["k"], key["p"]!);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What is thrown for a broken key is up to the libraries below.
            throw new NoDkimKeyException($"The key at {name} {(e is FormatException ? e.Message : "cannot be read")}.", e);
        }
    }

    private static string[] Listed(string text) => text.Split(':', StringSplitOptions.TrimEntries);

    // Real selectors have underscores.
    private static bool IsLabel(string label) => label.Length is > 0 and <= 63 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
