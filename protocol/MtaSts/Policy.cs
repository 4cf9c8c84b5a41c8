using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace StsFunctions.Protocol.MtaSts;

/// <summary>An MTA-STS policy: the file at <c>https://mta-sts.&lt;domain&gt;/.well-known/mta-sts.txt</c> (RFC 8461 §3.2).</summary>
public sealed record Policy
{
    /// <summary>The largest file, in bytes: senders may refuse a larger one (RFC 8461 §3.3).</summary>
    public const int MaxBytes = 65_536;

    /// <summary>The largest <c>max_age</c>, in seconds: about a year (RFC 8461 §3.2).</summary>
    public const int MaxMaxAge = 31_557_600;

    private const int MaxAgeDigits = 10;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>What senders do with a host that fails.</summary>
    public required PolicyMode Mode { get; init; }

    /// <summary>How long senders cache the policy after they last fetched it, in seconds, 0 to <see cref="MaxMaxAge"/>.</summary>
    /// <exception cref="ProtocolException">It is set out of range.</exception>
    public required int MaxAge
    {
        get;
        init => field = value is >= 0 and <= MaxMaxAge
            ? value
            : throw new ProtocolException($"A max_age of {value} is out of range: use 0 to {MaxMaxAge} seconds.", "RFC 8461 §3.2 max_age");
    }

    /// <summary>The hosts that mail may go to, in their order. At least one, unless the mode is <see cref="PolicyMode.None"/>.</summary>
    public ImmutableArray<MxPattern> Mx { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Fields that the RFC does not name, in their order, each key once.</summary>
    public ImmutableArray<PolicyField> Extensions { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Reads a policy file, strictly by the grammar.</summary>
    /// <exception cref="ProtocolException">It does not follow RFC 8461 §3.2, with the line; or it is over <see cref="MaxBytes"/>.</exception>
    public static Policy Parse(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length > MaxBytes)
        {
            throw new ProtocolException($"The policy has {utf8.Length} bytes, and senders may refuse more than {MaxBytes}: make it shorter.", "RFC 8461 §3.3", offset: MaxBytes);
        }

        if (utf8.StartsWith("\uFEFF"u8))
        {
            throw Broken(1, "The policy begins with a byte order mark: save it as UTF-8 without one.");
        }

        var reader = new PolicyReader();
        var rest = utf8;
        var line = 1;
        for (; rest.Length > 0; line++)
        {
            var feed = rest.IndexOf((byte)'\n');
            var text = feed < 0 ? rest : rest[..feed];
            rest = feed < 0 ? [] : rest[(feed + 1)..];
            if (feed >= 0 && text.EndsWith("\r"u8))
            {
                text = text[..^1];
            }

            if (text.Contains((byte)'\r'))
            {
                throw Broken(line, "A carriage return has no line feed: end each line with CRLF (or LF).");
            }

            reader.Take(line, Decode(line, text));
        }

        return reader.Finish(line);
    }

    /// <summary>The file to serve: UTF-8, the version first, each line ended by CRLF.</summary>
    /// <exception cref="ProtocolException">The policy breaks a rule of its own: no mx, a key twice, or over <see cref="MaxBytes"/>.</exception>
    public byte[] ToBytes()
    {
        if (Mx.IsEmpty && Mode != PolicyMode.None)
        {
            throw new ProtocolException($"The mode is {Name(Mode)} and there is no mx: name at least one host, or use the mode none.", "RFC 8461 §3.2 mx");
        }

        if (Extensions.DistinctBy(e => e.Key).Count() != Extensions.Length)
        {
            throw new ProtocolException("An extension's key is given twice: senders ignore the second, remove it.", "RFC 8461 §3.2");
        }

        var text = new StringBuilder("version: STSv1\r\n");
        text.Append(CultureInfo.InvariantCulture, $"mode: {Name(Mode)}\r\n");
        foreach (var mx in Mx)
        {
            text.Append(CultureInfo.InvariantCulture, $"mx: {mx}\r\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"max_age: {MaxAge}\r\n");
        foreach (var extension in Extensions)
        {
            text.Append(CultureInfo.InvariantCulture, $"{extension}\r\n");
        }

        var bytes = StrictUtf8.GetBytes(text.ToString());
        return bytes.Length <= MaxBytes
            ? bytes
            : throw new ProtocolException($"The policy would have {bytes.Length} bytes, and senders may refuse more than {MaxBytes}: use fewer mx, or a wildcard.", "RFC 8461 §3.3");
    }

    /// <summary>Whether any <c>mx</c> covers the host, in any mode.</summary>
    public bool Covers(DomainName mxHost) => Mx.Any(pattern => pattern.Covers(mxHost));

    /// <summary>Whether both have the same content, in the same order.</summary>
    public bool Equals(Policy? other) =>
        other is not null
        && Mode == other.Mode
        && MaxAge == other.MaxAge
        && Mx.SequenceEqual(other.Mx)
        && Extensions.SequenceEqual(other.Extensions);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Mode, MaxAge, Mx.Length, Mx.FirstOrDefault(), Extensions.Length);

    internal static ProtocolException Broken(int line, string problem, string key = "") =>
        new(problem, $"RFC 8461 §3.2 {key}".TrimEnd(), line);

    internal static int? ReadMaxAge(string value) =>
        value.Length is > 0 and <= MaxAgeDigits
        && value.All(char.IsAsciiDigit)
        && long.Parse(value, CultureInfo.InvariantCulture) is var seconds and <= MaxMaxAge
            ? (int)seconds
            : null;

    private static string Name(PolicyMode mode) => mode switch
    {
        PolicyMode.None => "none",
        PolicyMode.Testing => "testing",
        PolicyMode.Enforce => "enforce",
        _ => throw new ProtocolException($"The mode {(int)mode} does not exist: use none, testing or enforce.", "RFC 8461 §3.2 mode"),
    };

    private static string Decode(int line, ReadOnlySpan<byte> text)
    {
        try
        {
            return StrictUtf8.GetString(text);
        }
        catch (DecoderFallbackException cause)
        {
            throw new ProtocolException("The line is not UTF-8: save the policy as UTF-8.", "RFC 8461 §3.2", line, cause: cause);
        }
    }
}
