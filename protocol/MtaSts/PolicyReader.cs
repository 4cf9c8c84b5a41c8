using System.Collections.Immutable;

namespace StsFunctions.Protocol.MtaSts;

/// <summary>Reads a policy line by line (RFC 8461 §3.2).</summary>
internal sealed class PolicyReader
{
    private readonly Dictionary<string, int> _lineOf = new(StringComparer.Ordinal);
    private readonly ImmutableArray<MxPattern>.Builder _mx = ImmutableArray.CreateBuilder<MxPattern>();
    private readonly ImmutableArray<PolicyField>.Builder _extensions = ImmutableArray.CreateBuilder<PolicyField>();
    private PolicyMode? _mode;
    private int? _maxAge;

    /// <summary>Takes one line, without its end.</summary>
    public void Take(int line, string text)
    {
        if (text.AsSpan().Trim(" \t").IsEmpty)
        {
            throw Policy.Broken(line, "The line is empty: remove it.");
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            throw Policy.Broken(line, $"{ProtocolException.Quote(text)} has no colon: write key: value.");
        }

        var key = text[..colon];
        var value = text[(colon + 1)..].Trim(' ', '\t');
        if ((PolicyField.KeyFault(key) ?? PolicyField.ValueFault(value)) is { } fault)
        {
            throw Policy.Broken(line, fault);
        }

        // Of any field but mx, the first counts and the rest are ignored (§3.2).
        if (key != "mx" && !_lineOf.TryAdd(key, line))
        {
            return;
        }

        switch (key)
        {
            case "version" when value != "STSv1":
                throw Policy.Broken(line, $"The version {ProtocolException.Quote(value)} is unknown: write version: STSv1.", key);
            case "version":
                break;
            case "mode":
                _mode = ReadMode(line, value);
                break;
            case "max_age":
                _maxAge = Policy.ReadMaxAge(value)
                    ?? throw Policy.Broken(line, $"The max_age {ProtocolException.Quote(value)} is not a number from 0 to {Policy.MaxMaxAge}: write whole seconds, such as 604800.", key);
                break;
            case "mx":
                _mx.Add(MxPattern.Read(value, out var mxFault) ?? throw Policy.Broken(line, mxFault.Problem, key));
                break;
            default:
                _extensions.Add(new PolicyField(key, value));
                break;
        }
    }

    /// <summary>The policy, if all required fields were there.</summary>
    /// <param name="end">The line after the last, where a missing field would be.</param>
    public Policy Finish(int end)
    {
        if (!_lineOf.ContainsKey("version"))
        {
            throw Missing("version", "version: STSv1", end);
        }

        var mode = _mode ?? throw Missing("mode", "mode: testing", end);
        var maxAge = _maxAge ?? throw Missing("max_age", "max_age: 604800", end);
        if (_mx.Count == 0 && mode != PolicyMode.None)
        {
            throw Missing("mx", "mx: and an MX host's name", end);
        }

        return new Policy
        {
            Mode = mode,
            MaxAge = maxAge,
            Mx = _mx.DrainToImmutable(),
            Extensions = _extensions.DrainToImmutable(),
        };
    }

    private static PolicyMode ReadMode(int line, string value) => value switch
    {
        "none" => PolicyMode.None,
        "testing" => PolicyMode.Testing,
        "enforce" => PolicyMode.Enforce,
        _ => throw Policy.Broken(line, $"The mode {ProtocolException.Quote(value)} does not exist: write enforce, testing or none, in lower case.", "mode"),
    };

    // Senders ignore a key in other case, which is most likely the missing one.
    private ProtocolException Missing(string key, string remedy, int end)
    {
        var nearly = _lineOf.Keys.FirstOrDefault(k => k.Equals(key, StringComparison.OrdinalIgnoreCase))
            ?? _lineOf.Keys.FirstOrDefault(k => k.Replace('-', '_').Equals(key, StringComparison.OrdinalIgnoreCase));
        return nearly is null
            ? Policy.Broken(end, $"The policy has no {key}: add a line {remedy}.", key)
            : Policy.Broken(_lineOf[nearly], $"The policy has no {key}, but a {nearly}, which senders ignore: write {key}, in exactly this spelling.", key);
    }
}
