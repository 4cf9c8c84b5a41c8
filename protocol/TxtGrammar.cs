using System.Collections.Immutable;

namespace StsFunctions.Protocol;

/// <summary>
/// The grammar that the records of RFC 8461 §3.1 and RFC 8460 §3 share:
/// a version, then one or more fields, each after a <c>;</c>, and perhaps a last <c>;</c>.
/// </summary>
internal sealed record TxtGrammar(string Version, string Rule)
{
    // All the data of a TXT record, RFC 1035 §3.2.1 (RDLENGTH).
    private const int MaxLength = 65_535;
    private const int MaxNameLength = 32;

    /// <summary>One field, as in the record.</summary>
    public readonly record struct Field(string Name, string Value, int Offset);

    /// <summary>The fields of one record in their order.</summary>
    /// <exception cref="ProtocolException">The record does not follow the grammar.</exception>
    public List<Field> Fields(string record)
    {
        if (record.Length > MaxLength)
        {
            throw Broken($"The record has {record.Length} characters: a TXT record holds at most {MaxLength}.", MaxLength);
        }

        if (!record.StartsWith(Version, StringComparison.Ordinal))
        {
            throw Broken($"The record begins with {ProtocolException.Quote(record.AsSpan(0, Math.Min(record.Length, 16)))}: it must begin with {Version}; in exactly this spelling.", 0);
        }

        var fields = new List<Field>();
        var at = SkipWhiteSpace(record, Version.Length);
        while (at < record.Length)
        {
            if (record[at] != ';')
            {
                throw Broken($"{ProtocolException.Quote(record.AsSpan(at))} is in the place of a ;: put a ; between fields, and no space inside one.", at);
            }

            at = SkipWhiteSpace(record, at + 1);
            if (at == record.Length)
            {
                break;
            }

            var semicolon = record.IndexOf(';', at);
            var end = semicolon < 0 ? record.Length : semicolon;
            fields.Add(ReadField(record, at, record.AsSpan(at, end - at).TrimEnd(" \t")));
            at = end;
        }

        // White space is allowed around a ; only, and not after the last field.
        if (record[^1] is ' ' or '\t' && !record.AsSpan().TrimEnd(" \t").EndsWith(";"))
        {
            throw Broken("The record ends with white space: remove it, or put a ; before it.", record.Length - 1);
        }

        if (fields.Count == 0)
        {
            throw Broken($"The record has a version but no field: write {Version}; and at least one name=value after it.", record.Length);
        }

        return fields;
    }

    /// <summary>Requires that an extension's value is visible ASCII without <c>=</c> (and <c>;</c>, which ended it).</summary>
    public void CheckExtension(Field field)
    {
        if (field.Value.Length == 0 || field.Value.AsSpan().ContainsAnyExceptInRange('!', '~') || field.Value.Contains('='))
        {
            throw Broken($"The value {ProtocolException.Quote(field.Value)} of {field.Name} is not allowed: use visible ASCII without spaces, ; and =.", field.Offset);
        }
    }

    /// <summary>Chooses as a sender does among all the TXT records at the name.</summary>
    public TxtSelection<TRecord> Select<TRecord>(IReadOnlyList<string> records, Func<string, TRecord> parse)
        where TRecord : class
    {
        var sendersDiffer = records.Any(HasSpaceAfterVersion);

        // Only if there are several records are some dropped for their beginning; a single one must follow the grammar.
        var beginning = records.Count == 1 ? Version : Version + ";";
        var byBeginning = records.ToLookup(r => r.StartsWith(beginning, StringComparison.Ordinal));
        ImmutableArray<string> candidates = [.. byBeginning[true]];
        var selection = new TxtSelection<TRecord>
        {
            Outcome = candidates.Length == 0 ? TxtRecordStatus.None : TxtRecordStatus.Multiple,
            Candidates = candidates,
            Dropped = [.. byBeginning[false]],
            IsAmbiguous = sendersDiffer,
        };
        if (candidates.Length != 1)
        {
            return selection;
        }

        try
        {
            return selection with { Outcome = TxtRecordStatus.One, Record = parse(candidates[0]) };
        }
        catch (ProtocolException fault)
        {
            return selection with { Outcome = TxtRecordStatus.Malformed, Fault = fault };
        }
    }

    /// <summary>An exception for this kind of record.</summary>
    public ProtocolException Broken(string problem, int? offset = null) => new(problem, Rule, offset: offset);

    private bool HasSpaceAfterVersion(string record) =>
        record.StartsWith(Version, StringComparison.Ordinal)
        && SkipWhiteSpace(record, Version.Length) is var at
        && at > Version.Length
        && at < record.Length
        && record[at] == ';';

    private Field ReadField(string record, int offset, ReadOnlySpan<char> text)
    {
        var equals = text.IndexOf('=');
        if (equals < 0)
        {
            throw Broken($"{ProtocolException.Quote(text)} is not a field: write name=value, with no field empty.", offset);
        }

        var name = text[..equals];
        if (!IsName(name))
        {
            throw Broken($"{ProtocolException.Quote(name)} is not a field name: use 1 to {MaxNameLength} of A-Z a-z 0-9 _ - . and begin with a letter or digit.", offset);
        }

        return new Field(name.ToString(), record.Substring(offset + equals + 1, text.Length - equals - 1), offset);
    }

    private static bool IsName(ReadOnlySpan<char> name)
    {
        if (name.Length is 0 or > MaxNameLength || !char.IsAsciiLetterOrDigit(name[0]))
        {
            return false;
        }

        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.'))
            {
                return false;
            }
        }

        return true;
    }

    private static int SkipWhiteSpace(string text, int at)
    {
        while (at < text.Length && text[at] is ' ' or '\t')
        {
            at++;
        }

        return at;
    }
}
