using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace StsFunctions.Core.Options;

/// <summary>Settings in the app's own section that do not exist, most often because their name is misspelt.</summary>
/// <param name="Names">Their names, as they are written.</param>
internal sealed record UnknownSettings(IReadOnlyList<string> Names)
{
    /// <summary>Searches for them in all settings.</summary>
    public static UnknownSettings Find(SettingsBinder settings)
    {
        var configuration = settings.Configuration;
        var known = new HashSet<string>(SettingNames.All, StringComparer.OrdinalIgnoreCase);
        List<string> unknown = [.. PathsOf(configuration.GetSection(SettingNames.Section)).Select(SettingNames.Of).Where(name => !known.Contains(name))];
        if (unknown.Count == 0)
        {
            return new UnknownSettings(unknown);
        }

        // A requested section has the spelling of the request; its parent has the spelling of the setting.
        var section = configuration.GetChildren().First(child => child.Key.Equals(SettingNames.Section, StringComparison.OrdinalIgnoreCase)).Key;
        return new UnknownSettings([.. unknown.Select(name => section + name[section.Length..])]);
    }

    private static IEnumerable<string> PathsOf(IConfigurationSection section)
    {
        foreach (var child in section.GetChildren())
        {
            if (child.Value is { Length: > 0 })
            {
                yield return child.Path;
            }

            foreach (var path in PathsOf(child))
            {
                yield return path;
            }
        }
    }
}

/// <summary>A setting that does not exist is wrong, and the nearest one that does is named.</summary>
internal sealed class UnknownSettingsValidator : IValidateOptions<UnknownSettings>
{
    public ValidateOptionsResult Validate(string? name, UnknownSettings options) => options.Names.Count == 0
        ? ValidateOptionsResult.Success
        : ValidateOptionsResult.Fail(options.Names.Select(unknown => $"{unknown}: there is no setting of this name; did you mean {Nearest(unknown)}?"));

    private static string Nearest(string name) =>
        SettingNames.All.MinBy(known => Distance(known.ToUpperInvariant(), name.ToUpperInvariant()))!;

    // Levenshtein's, one row at a time.
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
