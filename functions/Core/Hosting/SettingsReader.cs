using System.Collections;
using System.Globalization;
using System.Net;

namespace StsFunctions.Hosting;

/// <summary>Reads typed settings out of environment variables and gathers every fault as one line that names the setting.</summary>
internal sealed class SettingsReader
{
    /// <summary>All settings of ours begin with this.</summary>
    public const string Prefix = "Sts__";

    private readonly Dictionary<string, string> _variables;
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _faults = [];

    /// <summary>Reads the given variables; names are compared without case, as Azure's app settings are.</summary>
    public SettingsReader(IDictionary variables)
    {
        _variables = new(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry variable in variables)
        {
            // An empty setting is a setting left out: templates cannot leave a variable away.
            if (variable.Value is string { Length: > 0 } value)
            {
                _variables[(string)variable.Key] = value;
            }
        }
    }

    /// <summary>One line for each setting that is wrong, settings nobody reads included (a misspelt name is a wrong setting).</summary>
    public IReadOnlyList<string> Faults =>
    [
        .. _faults,
        .. _variables.Keys
            .Where(name => name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && !_known.Contains(name))
            .Order(StringComparer.OrdinalIgnoreCase)
            .Select(name => $"{name}: there is no setting of this name; did you mean {Nearest(name)}?"),
    ];

    /// <summary>The text of a setting, or null.</summary>
    public string? Text(string name)
    {
        _known.Add(name);
        return _variables.GetValueOrDefault(name);
    }

    /// <summary>The values of a comma-separated list; empty when not set.</summary>
    public IReadOnlyList<string> List(string name) =>
        Text(name)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>The values of a comma-separated list, each of which must be right; empty when not set or wrong.</summary>
    public IReadOnlyList<string> List(string name, Func<string, bool> isRight, string hint)
    {
        var values = List(name);
        if (values.FirstOrDefault(value => !isRight(value)) is not { } wrong)
        {
            return values;
        }

        Fault(name, wrong, hint);
        return [];
    }

    /// <summary>A span of time between two bounds.</summary>
    public TimeSpan Span(string name, TimeSpan fallback, TimeSpan least, TimeSpan most)
    {
        if (Text(name) is not { } text)
        {
            return fallback;
        }

        if (TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var span) && span >= least && span <= most)
        {
            return span;
        }

        Fault(name, text, $"write a time between {least:c} and {most:c} as [days.]hours:minutes:seconds, for example {fallback:c}");
        return fallback;
    }

    /// <summary>A whole number between two bounds.</summary>
    public int Number(string name, int fallback, int least, int most)
    {
        if (Text(name) is not { } text)
        {
            return fallback;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
        {
            return number;
        }

        Fault(name, text, $"write a whole number from {least} to {most}, for example {fallback}");
        return fallback;
    }

    /// <summary>true or false.</summary>
    public bool Flag(string name)
    {
        if (Text(name) is not { } text)
        {
            return false;
        }

        if (bool.TryParse(text, out var flag))
        {
            return flag;
        }

        Fault(name, text, "write true or false");
        return false;
    }

    /// <summary>Anything else: <paramref name="parse"/> gives null for a text that is wrong, and <paramref name="hint"/> says what would be right. A secret is not repeated.</summary>
    public T? Parsed<T>(string name, Func<string, T?> parse, string hint, bool isSecret = false)
        where T : class
    {
        if (Text(name) is not { } text)
        {
            return null;
        }

        var value = parse(text);
        if (value is null)
        {
            Fault(name, isSecret ? "(not shown)" : text, hint);
        }

        return value;
    }

    /// <summary>An address and port; the port may be left out.</summary>
    public IPEndPoint? Endpoint(string name, int defaultPort) => Parsed(
        name,
        text => IPEndPoint.TryParse(text, out var endpoint) ? new IPEndPoint(endpoint.Address, endpoint.Port == 0 ? defaultPort : endpoint.Port) : null,
        $"write an IP address and a port, for example 192.0.2.53:{defaultPort}");

    /// <summary>Notes a fault that a single setting cannot show, such as two that exclude each other.</summary>
    public void Fault(string line) => _faults.Add(line);

    private void Fault(string name, string value, string hint) =>
        Fault($"{name}: \"{OneLine(value.Length <= 80 ? value : value[..80] + "…")}\" is not valid; {hint}.");

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    private string Nearest(string name) =>
        _known.MinBy(known => Distance(known.ToUpperInvariant(), name.ToUpperInvariant())) ?? Prefix;

    // Levenshtein: settings are few and short, and are compared only when one is wrong.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
