using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// The TXT record at <c>_smtp._tls.&lt;domain&gt;</c> which says where reports are to be sent (RFC 8460 §3).
/// </summary>
public sealed record TlsRptRecord
{
    private static readonly TxtGrammar Grammar = new("v=TLSRPTv1", "RFC 8460 §3");

    /// <summary>Where reports go: one or more <c>mailto:</c> or <c>https:</c> URIs, unchanged and in their order.</summary>
    /// <exception cref="ProtocolException">It is set to no address, or to an invalid one.</exception>
    public required ImmutableArray<string> Rua
    {
        get;
        init => field = CheckUris(value);
    }

    /// <summary>Reads one record, its character-strings already joined. Unknown fields are ignored if well formed.</summary>
    /// <exception cref="ProtocolException">The record does not follow the grammar, or has no rua.</exception>
    public static TlsRptRecord Parse(string txt)
    {
        ArgumentNullException.ThrowIfNull(txt);
        TlsRptRecord? record = null;
        foreach (var field in Grammar.Fields(txt))
        {
            if (field.Name == "rua")
            {
                // As with RFC 8461, the first of a repeated field counts; the others must be well formed too.
                var repeated = new TlsRptRecord { Rua = ReadUris(field) };
                record ??= repeated;
            }
            else
            {
                Grammar.CheckExtension(field);
            }
        }

        return record ?? throw Grammar.Broken("The record has no rua: add one, such as rua=mailto:tlsrpt@example.com; (names are case-sensitive).", txt.Length);
    }

    /// <summary>Chooses as a sender does among all the TXT records at <c>_smtp._tls.&lt;domain&gt;</c>, each already joined.</summary>
    public static TxtSelection<TlsRptRecord> Select(IReadOnlyList<string> txtRecords)
    {
        ArgumentNullException.ThrowIfNull(txtRecords);
        return Grammar.Select(txtRecords, Parse);
    }

    /// <summary>The record to publish: <c>v=TLSRPTv1; rua=...,...;</c></summary>
    public override string ToString() => $"v=TLSRPTv1; rua={string.Join(',', Rua)};";

    /// <summary>Whether both name the same URIs in the same order.</summary>
    public bool Equals(TlsRptRecord? other) => other is not null && Rua.SequenceEqual(other.Rua);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rua.Length, Rua.FirstOrDefault());

    private static ImmutableArray<string> ReadUris(TxtGrammar.Field field)
    {
        var uris = ImmutableArray.CreateBuilder<string>();
        var at = field.Offset + field.Name.Length + 1;
        foreach (var part in field.Value.Split(','))
        {
            var uri = part.Trim(' ', '\t');
            if (UriFault(uri) is { } fault)
            {
                throw Grammar.Broken(fault, at + part.Length - part.TrimStart(' ', '\t').Length);
            }

            uris.Add(uri);
            at += part.Length + 1;
        }

        return uris.DrainToImmutable();
    }

    private static ImmutableArray<string> CheckUris(ImmutableArray<string> uris)
    {
        if (uris.IsDefaultOrEmpty)
        {
            throw Grammar.Broken("The rua is empty: name at least one mailto: or https: address.");
        }

        foreach (var uri in uris)
        {
            if (UriFault(uri) is { } fault)
            {
                throw Grammar.Broken(fault);
            }
        }

        return uris;
    }

    private static string? UriFault(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "The rua has an empty address: write one between two commas.";
        }

        if (!IsUriText(text))
        {
            return $"{ProtocolException.Quote(text)} holds a character that a URI here may not: percent-encode , ! ; and spaces (%2C %21 %3B %20).";
        }

        if (text.StartsWith("mailto:", StringComparison.OrdinalIgnoreCase))
        {
            return IsMailbox(text["mailto:".Length..].Split('?')[0])
                ? null
                : $"{ProtocolException.Quote(text)} is not one mail address: write mailto:name@example.com.";
        }

        if (text.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Host.Length > 0
                ? null
                : $"{ProtocolException.Quote(text)} is not an https address: write https://reports.example.com/v1/tlsrpt.";
        }

        return $"{ProtocolException.Quote(text)} is neither mailto: nor https://, and no other scheme receives reports.";
    }

    // RFC 6068 §2: the local part may hold %40; the one unencoded @ comes before the domain.
    private static bool IsMailbox(string address)
    {
        var at = address.IndexOf('@', StringComparison.Ordinal);
        return at > 0 && DomainName.TryParse(address[(at + 1)..], out _);
    }

    // RFC 3986 §2, without the three characters that RFC 8460 §3 requires to be encoded.
    private static bool IsUriText(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%')
            {
                if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                {
                    return false;
                }
            }
            else if (!char.IsAsciiLetterOrDigit(text[i]) && !"-._~:/?#[]@$&'()*+=".Contains(text[i], StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }
}
