using System.Globalization;
using System.Net;
using Microsoft.Extensions.Configuration;

namespace StsFunctions.Core.Options;

/// <summary>
/// Converts settings to the values of options. A setting that cannot be converted is noted as one line, which names it as an
/// operator writes it and says what to write; the value is then the default, so that all such lines are reported together.
/// </summary>
internal sealed class SettingsBinder(IConfiguration configuration)
{
    private const int MaxListedLength = 80;

    private readonly List<string> _faults = [];

    /// <summary>Everything that is set.</summary>
    public IConfiguration Configuration { get; } = configuration;

    /// <summary>One line for each setting that is wrong.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>The text of a setting; null where it is not set.</summary>
    public string? Text(string name) => Configuration.Setting(name);

    /// <summary>The values of a comma-separated list; empty where it is not set.</summary>
    public IReadOnlyList<string> List(string name) =>
        Text(name)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>The values of a comma-separated list, each of which must be right; empty where it is not set or wrong.</summary>
    /// <param name="name">The setting.</param>
    /// <param name="parse">Gives null for a text that is wrong.</param>
    /// <param name="hint">What to write.</param>
    public IReadOnlyList<T> List<T>(string name, Func<string, T?> parse, string hint)
        where T : class
    {
        var values = new List<T>();
        foreach (var text in List(name))
        {
            if (parse(text) is not { } value)
            {
                Wrong(name, text, hint);
                return [];
            }

            values.Add(value);
        }

        return values;
    }

    /// <summary>A span of time between two bounds.</summary>
    public TimeSpan Time(string name, TimeSpan byDefault, TimeSpan least, TimeSpan most)
    {
        if (Text(name) is not { } text)
        {
            return byDefault;
        }

        if (TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time) && time >= least && time <= most)
        {
            return time;
        }

        Wrong(name, text, $"write a time between {least:c} and {most:c} as [days.]hours:minutes:seconds, for example {byDefault:c}");
        return byDefault;
    }

    /// <summary>A whole number between two bounds.</summary>
    public int Number(string name, int byDefault, int least, int most)
    {
        if (Text(name) is not { } text)
        {
            return byDefault;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most)
        {
            return number;
        }

        Wrong(name, text, $"write a whole number from {least} to {most}, for example {byDefault}");
        return byDefault;
    }

    /// <summary>A whole number between two bounds; null where it is not set.</summary>
    public int? OptionalNumber(string name, int example, int least, int most) => Text(name) is null ? null : Number(name, example, least, most);

    /// <summary>A port.</summary>
    public int Port(string name, int byDefault) => Number(name, byDefault, 1, IPEndPoint.MaxPort);

    /// <summary>true or false; false where it is not set.</summary>
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

        Wrong(name, text, "write true or false");
        return false;
    }

    /// <summary>One of several words, in any case; the first where it is not set or wrong.</summary>
    public string Choice(string name, params IReadOnlyList<string> words)
    {
        var text = Text(name) ?? words[0];
        if (words.FirstOrDefault(word => word.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } word)
        {
            return word;
        }

        Wrong(name, text, $"write {string.Join(", ", words.SkipLast(1))} or {words[^1]}");
        return words[0];
    }

    /// <summary>Anything else; null where it is not set or wrong.</summary>
    /// <param name="name">The setting.</param>
    /// <param name="parse">Gives null for a text that is wrong.</param>
    /// <param name="hint">What to write.</param>
    /// <param name="isSecret">Whether the text must not be shown.</param>
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
            Wrong(name, isSecret ? "(not shown)" : text, hint);
        }

        return value;
    }

    /// <summary>An address and a port, which may be left out.</summary>
    public IPEndPoint? EndPoint(string name, int defaultPort) => Parsed(
        name,
        text => IPEndPoint.TryParse(text, out var endPoint) ? new IPEndPoint(endPoint.Address, endPoint.Port == 0 ? defaultPort : endPoint.Port) : null,
        $"write an IP address and a port, for example 192.0.2.53:{defaultPort}");

    /// <summary>The root of a server on this machine, as a lab has it.</summary>
    /// <param name="name">The setting.</param>
    /// <param name="server">What kind of server it is.</param>
    public Uri? LoopbackAddress(string name, string server) => Parsed(
        name,
        text => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri is { IsLoopback: true, Scheme: "http" or "https", PathAndQuery: "/" } ? uri : null,
        $"write the address of {server} on this machine, for example http://127.0.0.1:8080/");

    /// <summary>A GUID as Azure writes it, in lower case; null for any other text.</summary>
    public static string? ParseGuid(string text) => Guid.TryParseExact(text, "D", out var id) ? id.ToString() : null;

    private void Wrong(string name, string text, string hint)
    {
        var shown = text.Length <= MaxListedLength ? text : text[..MaxListedLength] + "…";
        _faults.Add($"{name}: \"{SettingNames.ToSingleLine(shown)}\" is not valid; {hint}.");
    }
}
