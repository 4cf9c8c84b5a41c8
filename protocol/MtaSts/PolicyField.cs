using System.Buffers;
using System.Text;

namespace StsFunctions.Protocol.MtaSts;

/// <summary>A field of a policy that RFC 8461 does not name: an extension, which senders ignore (§3.2).</summary>
public sealed record PolicyField
{
    /// <summary>The longest key, in characters.</summary>
    public const int MaxKeyLength = 32;

    private const string Rule = "RFC 8461 §3.2 sts-policy-extension";

    /// <summary>Makes an extension.</summary>
    /// <exception cref="ProtocolException">The key or the value does not follow the grammar, or the key is one of the RFC's own.</exception>
    public PolicyField(string key, string value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        if (KeyFault(key) is { } keyFault)
        {
            throw new ProtocolException(keyFault, Rule);
        }

        if (key is "version" or "mode" or "max_age" or "mx")
        {
            throw new ProtocolException($"{key} is a field of the policy itself, not an extension.", Rule);
        }

        if (ValueFault(value) is { } valueFault)
        {
            throw new ProtocolException(valueFault, Rule);
        }

        (Key, Value) = (key, value);
    }

    /// <summary>The key: 1 to 32 ASCII letters, digits, <c>_</c>, <c>-</c> and <c>.</c>, case-sensitive.</summary>
    public string Key { get; }

    /// <summary>The value, without white space at either end. It may hold any Unicode but control characters.</summary>
    public string Value { get; }

    /// <summary>The line, without its end.</summary>
    public override string ToString() => $"{Key}: {Value}";

    internal static string? KeyFault(ReadOnlySpan<char> key)
    {
        var wellFormed = key.Length is > 0 and <= MaxKeyLength && char.IsAsciiLetterOrDigit(key[0]);
        foreach (var c in key)
        {
            wellFormed &= char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.';
        }

        return wellFormed
            ? null
            : $"{ProtocolException.Quote(key)} is not a key: use 1 to {MaxKeyLength} of A-Z a-z 0-9 _ - . with no space before it or before the colon.";
    }

    internal static string? ValueFault(ReadOnlySpan<char> value)
    {
        if (value.IsEmpty)
        {
            return "A value is empty: write one, or remove the line.";
        }

        if (value[0] == ' ' || value[^1] == ' ')
        {
            return "A value begins or ends with a space: remove it.";
        }

        for (var at = 0; at < value.Length;)
        {
            if (Rune.DecodeFromUtf16(value[at..], out var rune, out var length) != OperationStatus.Done)
            {
                return "A value holds half a character (a lone surrogate): remove it.";
            }

            // CTL of RFC 5234: the grammar lets the control characters above U+007F pass.
            if (rune.Value is < 0x20 or 0x7F)
            {
                return $"A value holds the control character U+{rune.Value:X4}: remove it.";
            }

            at += length;
        }

        return null;
    }
}
