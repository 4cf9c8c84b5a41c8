using MimeKit.Cryptography;
using Org.BouncyCastle.Crypto;
using StsFunctions.Core.Observations;
using StsFunctions.Protocol;

namespace StsFunctions.ReportIntake.Dkim;

/// <summary>There is no key that could make the signature valid.</summary>
internal sealed class NoDkimKeyException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>DNS does not answer whether there is a key.</summary>
internal sealed class DkimKeyUnavailableException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Looks up the public keys of signatures in DNS (RFC 6376 §3.6).</summary>
internal sealed class DkimKeys(ITxtLookup dns) : IDkimPublicKeyLocator
{
    // RFC 8460 §3: a key restricted to some services is valid for reports only if it names this one.
    private const string Service = "tlsrpt";

    // The most characters of a record that a reason repeats; a record may have 64 KiB.
    private const int MaxListedLength = 60;

    /// <summary>Not used: keys are looked up asynchronously.</summary>
    public AsymmetricKeyParameter LocatePublicKey(string methods, string domain, string selector, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("Keys are looked up without blocking a thread.");

    /// <summary>Gets the key of a signature.</summary>
    /// <exception cref="NoDkimKeyException">There is none, or none for this use.</exception>
    /// <exception cref="DkimKeyUnavailableException">DNS does not answer.</exception>
    public async Task<AsymmetricKeyParameter> LocatePublicKeyAsync(string methods, string domain, string selector, CancellationToken cancellationToken = default)
    {
        var name = $"{selector}._domainkey.{domain}";
        if (name.Length > DomainName.MaxLength || !selector.Split('.').All(IsLabel))
        {
            throw new NoDkimKeyException($"\"{selector}\" is not a selector.");
        }

        var texts = await TextsAsync(name, cancellationToken);
        // RFC 6376 §3.6.2.2 does not define several records at one name: the first that is a key is used.
        return texts.Select(text => DkimTags.TryParse(text)).FirstOrDefault(tags => tags?["p"] is not null) is { } key
            ? KeyOf(name, key)
            : throw new NoDkimKeyException($"There is no key at {name}.");
    }

    private async Task<IReadOnlyList<string>> TextsAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await dns.TextsAsync(name, cancellationToken);
        }
        catch (DnsLookupException e)
        {
            throw new DkimKeyUnavailableException($"DNS does not answer for the key at {name}: {e.Message}", e);
        }
    }

    private static AsymmetricKeyParameter KeyOf(string name, DkimTags key)
    {
        if (key["v"] is not (null or "DKIM1"))
        {
            throw new NoDkimKeyException($"The key at {name} has an unknown version.");
        }

        if (key["s"] is { } services && !Listed(services).Any(service => service is "*" or Service))
        {
            throw new NoDkimKeyException($"The key at {name} is for \"{services[..Math.Min(services.Length, MaxListedLength)]}\" alone, not for reports (RFC 8460 section 3).");
        }

        if (key["h"] is { } hashes && !Listed(hashes).Contains("sha256"))
        {
            throw new NoDkimKeyException($"The key at {name} is for other hashes than SHA-256.");
        }

        if (key["t"] is { } flags && Listed(flags).Contains("y"))
        {
            // RFC 6376 §3.6.1: such mail must be treated like unsigned mail.
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
            // The libraries decide what they throw for a broken key.
            throw new NoDkimKeyException($"The key at {name} {(e is FormatException ? e.Message : "cannot be read")}.", e);
        }
    }

    private static string[] Listed(string text) => text.Split(':', StringSplitOptions.TrimEntries);

    // Real selectors may have underscores.
    private static bool IsLabel(string label) => label.Length is > 0 and <= 63 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
