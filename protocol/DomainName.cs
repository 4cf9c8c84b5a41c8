using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace StsFunctions.Protocol;

/// <summary>
/// A host or domain name: lower-case A-labels of letters, digits and hyphens, without a trailing dot
/// (RFC 1035 §2.3.4, RFC 1123 §2.1, RFC 5890 §2.3.2.1). Two are equal if they are the same name in DNS.
/// </summary>
public sealed record DomainName
{
    /// <summary>The longest name, in characters, without a trailing dot.</summary>
    public const int MaxLength = 253;

    private const int MaxLabelLength = 63;

    // A character outside the basic plane is two in UTF-16 and may cost one in Punycode.
    private const int MaxUnicodeLength = 2 * MaxLength;

    private const string Rule = "RFC 1123 §2.1, RFC 5890 §2.3";

    private DomainName(string value) => Value = value;

    /// <summary>The name, such as <c>mail.example.com</c>.</summary>
    public string Value { get; }

    /// <summary>Reads a name. U-labels become A-labels, letters become lower-case, one trailing dot is dropped.</summary>
    /// <exception cref="ProtocolException">The text is no host name: empty, too long, an IP address, a bad label; with the label's offset.</exception>
    public static DomainName Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Read(text, out var fault) ?? throw new ProtocolException(fault.Problem, Rule, offset: fault.Offset);
    }

    /// <summary>Reads a name as <see cref="Parse"/> does, and never throws.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out DomainName? name)
    {
        name = text is null ? null : Read(text, out _);
        return name is not null;
    }

    /// <summary>The name, as <see cref="Value"/>.</summary>
    public override string ToString() => Value;

    /// <summary>Reads a name, or says in a sentence why it is none.</summary>
    internal static DomainName? Read(string text, out DomainNameError fault)
    {
        fault = default;
        var name = text.EndsWith('.') ? text[..^1] : text;
        if (name.Length == 0)
        {
            fault = new("A domain name is empty. Write one such as mail.example.com.", 0);
            return null;
        }

        if (name.Length > MaxUnicodeLength)
        {
            fault = TooLong(name.Length, text);
            return null;
        }

        var labels = name.Split('.');
        var at = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var length = labels[i].Length;
            if (Ascii.IsValid(labels[i]))
            {
                labels[i] = labels[i].ToLowerInvariant();
            }
            else if (ToALabel(labels[i]) is { } converted)
            {
                labels[i] = converted;
            }
            else
            {
                fault = new($"{ProtocolException.Quote(text)} has an international label that can't be converted. Write it as an A-label (xn--...).", at);
                return null;
            }

            if (!IsLabel(labels[i]))
            {
                fault = new($"{ProtocolException.Quote(text)} is not a domain name: a label is 1 to {MaxLabelLength} letters, digits and hyphens, with no hyphen at either end.", at);
                return null;
            }

            at += length + 1;
        }

        if (IsNumber(labels[^1]))
        {
            fault = new($"{ProtocolException.Quote(text)} is an IP address or a number, not a domain name. Write the host's name.", 0);
            return null;
        }

        var value = string.Join('.', labels);
        if (value.Length > MaxLength)
        {
            fault = TooLong(value.Length, text);
            return null;
        }

        return new DomainName(value);
    }

    // U-labels are shorter than their A-labels.
    private static DomainNameError TooLong(int length, string text) =>
        new($"A domain name of {length} characters is too long: at most {MaxLength} are allowed.", Math.Min(MaxLength, text.Length));

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= MaxLabelLength
        && label[0] != '-'
        && label[^1] != '-'
        && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    // No top-level domain is a number; "127.0.0.1" and "0x7f000001" are addresses for many resolvers.
    private static bool IsNumber(string label) =>
        label.All(char.IsAsciiDigit)
        || (label.StartsWith("0x", StringComparison.Ordinal) && label[2..].All(char.IsAsciiHexDigit));

    private static string? ToALabel(string label)
    {
        foreach (var rune in label.EnumerateRunes())
        {
            if (!IsLetterDigit(rune) || NormalizationMayChange(rune))
            {
                return null;
            }
        }

        try
        {
            return new IdnMapping { UseStd3AsciiRules = true }.GetAscii(label.ToLowerInvariant()).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    // The class LetterDigits of RFC 5892 §2.1, and the hyphen. A broken surrogate reads as U+FFFD, a symbol.
    private static bool IsLetterDigit(Rune rune) => rune.Value == '-' || Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.LowercaseLetter or UnicodeCategory.UppercaseLetter or UnicodeCategory.OtherLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
        or UnicodeCategory.DecimalDigitNumber;

    // A native build without ICU can't normalize (NFC), so text that may need it is refused.
    private static bool NormalizationMayChange(Rune rune) => rune.Value is
        (>= 0x0300 and <= 0x036F)      // combining marks that usually have a composed letter
        or (>= 0x1100 and <= 0x11FF)   // Hangul to be composed
        or (>= 0x2100 and <= 0x214F)   // letter-like symbols
        or (>= 0xF900 and <= 0xFAFF)   // CJK compatibility
        or (>= 0xFB00 and <= 0xFDFF)   // ligatures and presentation forms
        or (>= 0xFE70 and <= 0xFEFF)
        or (>= 0xFF00 and <= 0xFFEF)   // full and half width
        or (>= 0x1D400 and <= 0x1D7FF) // mathematical letters
        or (>= 0x2F800 and <= 0x2FA1F);
}
