using System.Diagnostics.CodeAnalysis;

namespace StsFunctions.Protocol.MtaSts;

/// <summary>
/// One <c>mx</c> of a policy: a host's name, or <c>*.</c> before a name, which matches exactly one label
/// (RFC 8461 §3.2, §4.1).
/// </summary>
public sealed record MxPattern
{
    private const string Rule = "RFC 8461 §3.2 mx";

    private MxPattern(DomainName domain, bool isWildcard) => (Domain, IsWildcard) = (domain, isWildcard);

    /// <summary>The name, or what follows <c>*.</c></summary>
    public DomainName Domain { get; }

    /// <summary>Whether the pattern begins with <c>*.</c></summary>
    public bool IsWildcard { get; }

    /// <summary>Reads a pattern of A-labels, without a trailing dot.</summary>
    /// <exception cref="ProtocolException">It is neither a name nor a wildcard before a name; with the offset of the fault.</exception>
    public static MxPattern Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Read(text, out var fault) ?? throw new ProtocolException(fault.Problem, Rule, offset: fault.Offset);
    }

    /// <summary>Reads a pattern as <see cref="Parse"/> does, and never throws.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out MxPattern? pattern)
    {
        pattern = text is null ? null : Read(text, out _);
        return pattern is not null;
    }

    /// <summary>Whether the MX host is the name, or one label before the wildcard's name.</summary>
    public bool Covers(DomainName mxHost)
    {
        ArgumentNullException.ThrowIfNull(mxHost);
        if (!IsWildcard)
        {
            return mxHost == Domain;
        }

        // §4.1: the wildcard is the whole left-most label, so what follows the first dot must be the name itself.
        var dot = mxHost.Value.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && mxHost.Value.AsSpan(dot + 1).SequenceEqual(Domain.Value);
    }

    /// <summary>The pattern in lower case.</summary>
    public override string ToString() => IsWildcard ? $"*.{Domain}" : Domain.Value;

    /// <summary>Reads a pattern, or says in a sentence why it is none.</summary>
    internal static MxPattern? Read(string text, out DomainNameError fault)
    {
        fault = default;
        var isWildcard = text.StartsWith("*.", StringComparison.Ordinal);
        var name = isWildcard ? text[2..] : text;
        var before = text.Length - name.Length;
        if (name.IndexOf('*', StringComparison.Ordinal) is >= 0 and var star)
        {
            fault = new($"{ProtocolException.Quote(text)} is not an mx pattern: a wildcard is the whole left-most label, as in *.example.com.", before + star);
        }
        else if (name.EndsWith('.'))
        {
            fault = new($"{ProtocolException.Quote(text)} ends with a dot: write the name without it.", text.Length - 1);
        }
        else if (name.AsSpan().IndexOfAnyExceptInRange('\0', '\x7F') is >= 0 and var foreign)
        {
            fault = new($"{ProtocolException.Quote(text)} is not ASCII: write international names as A-labels (xn--...).", before + foreign);
        }
        else if (DomainName.Read(name, out fault) is { } domain)
        {
            return new MxPattern(domain, isWildcard);
        }
        else
        {
            fault = fault with { Offset = before + fault.Offset };
        }

        return null;
    }
}
