using System.Text.Json;
using MimeKit;
using StsFunctions.Local.Lab;

namespace StsFunctions.Local;

/// <summary>The commands of an interactive run: those of the mail lab, and those of the app.</summary>
/// <remarks>They run one after another, from this terminal and from others.</remarks>
internal sealed class InteractiveCommands : IDisposable
{
    private readonly LocalSystem _system;
    private readonly IProgress<string> _progress;
    private readonly Commands _lab;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly IReadOnlyList<AppCommand> _commands;

    public InteractiveCommands(LocalSystem system, IProgress<string> progress)
    {
        (_system, _progress, _lab) = (system, progress, new Commands(system.MailLab, TimeProvider.System));
        _commands =
        [
            new("list", "", "the hosted domains", 0..0, (_, cancellationToken) => AppAsync(cancellationToken, "domain", "list")),
            new("show", "DOMAIN", "one domain: findings, and what senders reported", 1..1, (words, cancellationToken) => AppAsync(cancellationToken, "domain", "show", words[0])),
            new("catalogue", "", "further domains that can be hosted", 0..0, (_, _) => Task.FromResult(Catalogue())),
            new("add", "DOMAIN", "host one of the catalogue", 1..1, (words, cancellationToken) => AddAsync(words[0], cancellationToken)),
            new("check", "", "check every domain now, and send the notifications", 0..0, (_, cancellationToken) => CheckAsync(cancellationToken)),
            new("token", "[ROLE] [GROUP ...]", "a token for api/: admin, reader or agent, for these groups or for all", 0..int.MaxValue, (words, _) => Task.FromResult(TokenFor(_system, words))),
        ];
    }

    /// <summary>Executes one line.</summary>
    public async Task<CommandAnswer> ExecuteAsync(string line, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words is [var verb, ..] && _commands.FirstOrDefault(candidate => candidate.Verb.Equals(verb, StringComparison.OrdinalIgnoreCase)) is { } command)
            {
                return words.Length - 1 >= command.Takes.Start.Value && words.Length - 1 <= command.Takes.End.Value
                    ? await command.Run(words[1..], cancellationToken)
                    : new(false, $"Usage: `{command.Usage}`: {command.Does}.");
            }

            var answer = _lab.Execute(line);
            return words is ["help"]
                ? answer with { Text = $"{string.Join(Environment.NewLine, _commands.Select(each => each.Line).Prepend("The app."))}{Environment.NewLine}{Environment.NewLine}{answer}" }
                : answer;
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException)
        {
            return new(false, exception.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Adds the domains of an earlier run to the lab again: storage retains them, the lab does not.</summary>
    public async Task AddAgainAsync(CancellationToken cancellationToken)
    {
        var listed = await _system.RunAppAsync(cancellationToken, "domain", "list", "--json");
        if (listed.ExitCode != 0)
        {
            throw new InvalidOperationException($"domain list failed: {listed.Errors}");
        }

        using var json = JsonDocument.Parse(listed.Output);
        var hosted = json.RootElement.EnumerateArray().Select(row => row.GetProperty("domain").GetString()).ToHashSet();
        foreach (var domain in Addable.Where(domain => hosted.Contains(domain.Name)).ToList())
        {
            _progress.Report($"Hosting {domain.Name} …");
            await _system.AddAsync(domain, cancellationToken);
        }
    }

    /// <summary>A token for <c>api/</c>, and a line that uses it.</summary>
    public static CommandAnswer TokenFor(LocalSystem system, string[] words)
    {
        var role = words is [var first, ..] ? first.ToLowerInvariant() : "reader";
        if (role is not ("admin" or "reader" or "agent"))
        {
            return new(false, "Usage: `token [ROLE] [GROUP ...]`; a role is admin, reader or agent.");
        }

        var token = system.Token($"Sts.{char.ToUpperInvariant(role[0])}{role[1..]}", [.. words.Skip(1)]);
        return new(true, $"{token}\n\ncurl --cacert {system.RootFile} -H 'Authorization: Bearer {token}' {system.Https(LocalSystem.AppHost, "/api/domains")}");
    }

    public void Dispose() => _turn.Dispose();

    private IEnumerable<LabDomain> Addable =>
        LabDomains.All.Concat(LabDomains.Silent).Where(domain => _system.MailLab.Domains.All(hosted => hosted.Name != domain.Name));

    private async Task<CommandAnswer> CheckAsync(CancellationToken cancellationToken)
    {
        _progress.Report("Checking every domain …");
        var before = Mails();
        await _system.CheckAllAsync(cancellationToken);
        await _system.NotifyAsync(cancellationToken);
        var subjects = new List<string>();
        foreach (var file in Mails().Except(before))
        {
            using var mail = await MimeMessage.LoadAsync(file, cancellationToken);
            subjects.Add($"          mail  {mail.Subject}");
        }

        return new(true, subjects.Count > 0 ? string.Join(Environment.NewLine, subjects.Order(StringComparer.Ordinal)) : "          no mail: nothing has changed");
    }

    private CommandAnswer Catalogue() =>
        new(true, string.Join(Environment.NewLine, Addable.Select(domain => $"{domain.Name,-32} {domain.Fault}")));

    private async Task<CommandAnswer> AddAsync(string name, CancellationToken cancellationToken)
    {
        var domain = LabDomains.Get(name);
        if (_system.MailLab.Domains.Any(hosted => hosted.Name == domain.Name))
        {
            return new(false, $"{domain.Name} is hosted already: `show {domain.Name}`.");
        }

        await _system.AddAsync(domain, cancellationToken);
        return new(true, $"{domain.Name} is hosted. {domain.Fault} `check` checks it.");
    }

    private async Task<CommandAnswer> AppAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        var result = await _system.RunAppAsync(cancellationToken, arguments);
        return new(result.ExitCode == 0, (result.Output + result.Errors).TrimEnd());
    }

    private string[] Mails() => Directory.Exists(_system.MailFolder) ? Directory.GetFiles(_system.MailFolder, "*.eml") : [];

    private sealed record AppCommand(string Verb, string Arguments, string Does, Range Takes, Func<string[], CancellationToken, Task<CommandAnswer>> Run)
    {
        public string Usage => $"{Verb} {Arguments}".TrimEnd();

        public string Line => $"{Usage,-26} {Does}";
    }
}
