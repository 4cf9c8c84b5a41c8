using System.Globalization;
using System.Text;

namespace StsFunctions.Local.Lab;

/// <summary>The commands that break something in the running lab, and that fix it.</summary>
public sealed class Commands
{
    private const int MaxLine = 1_000;
    private const int MaxReceived = 20;

    private readonly MailLab _lab;
    private readonly CommandTargets _targets;
    private readonly ServerRegistry _table;
    private readonly IReadOnlyList<(string Heading, IReadOnlyList<Command> Commands)> _chapters;

    /// <summary>Commands for one lab; the time provider gives the remaining days of certificates.</summary>
    public Commands(MailLab lab, TimeProvider time)
    {
        (_lab, _targets, _table) = (lab, new CommandTargets(lab), new ServerRegistry(lab, time));
        _chapters =
        [
            ("Certificates. HOST is an MX host, one address of it, or a policy host (mta-sts.DOMAIN); KEY (rsa, ecdsa) leaves the other one as it is.", new CertificateCommands(lab, _targets).All),
            ("Mail servers. HOST is an MX host, or one address of it; STAGE is banner, ehlo, starttls, handshake, inside or data.", new SmtpCommands(_targets).All),
            ("DNS.", new DnsCommands(lab).All),
            ("Policy hosts. The app serves a policy until it is moved into the mail lab.", new PolicyCommands(lab).All),
            ("All of it.",
            [
                new("stop", "HOST", "nothing listens there any more", words => On(words, Stop)),
                new("start", "HOST", "it listens again, on every address", words => On(words, Start)),
                new("fix", "NAME", "restores a host, an address, a domain with all its hosts, or any name in DNS", words => On(words, Fix)),
                new("hosts", "", "every server and its state", words => words is [] ? _table.ToString() : null),
                new("heard", "HOST", "the last commands of its clients", words => On(words, Received)),
                new("help", "", "this list", words => words is [] ? Help() : null),
            ]),
        ];
    }

    /// <summary>Executes one line, and returns its answer. An invalid line never throws.</summary>
    public CommandAnswer Execute(string line)
    {
        if (line.Length > MaxLine)
        {
            return new(false, "That line is too long. Type `help` for the list.");
        }

        var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
        {
            return new(true, "");
        }

        var command = _chapters.SelectMany(chapter => chapter.Commands).FirstOrDefault(candidate => candidate.Verb.Equals(words[0], StringComparison.OrdinalIgnoreCase));
        if (command is null)
        {
            return new(false, $"There is no command `{words[0]}`. Type `help` for the list.");
        }

        try
        {
            return command.Run(words[1..]) is { } done ? new(true, done) : new(false, $"Usage: `{command.Usage}`: {command.Does}.");
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException)
        {
            return new(false, exception.Message);
        }
    }

    private static string? On(string[] words, Func<string, string> change) => words is [var name] ? change(name) : null;

    private string Stop(string name)
    {
        var servers = _targets.Servers(name);
        foreach (var server in servers)
        {
            server.Stop();
        }

        return $"Nothing listens at {CommandTargets.Describe(servers, name)} any more. `start {name}` fixes it.";
    }

    private string Start(string name)
    {
        var servers = _targets.Servers(name);
        foreach (var server in servers)
        {
            server.Start();
        }

        return $"{servers[0].HostName} listens on {string.Join(", ", servers.Select(server => server.EndPoint))}.";
    }

    private string Fix(string name)
    {
        var normal = DnsName.Normalize(name);
        var domain = _lab.Domains.FirstOrDefault(candidate => candidate.Name == normal);
        if (domain is not null)
        {
            _lab.Change(normal, current => current with
            {
                MxRecords = current.Mx.Count > 0 ? MxRecords.Listed : current.MxRecords,
                StsRecords = LabStsRecords.Good,
                StsRecordDelegatedTo = null,
                PolicyHost = null,
            });
        }

        var hosts = _lab.Hosts.Where(host => host.Name == normal || domain is not null && domain.Mx.Any(mx => mx.Host == host.Name)).ToList();
        foreach (var host in hosts)
        {
            _lab.SetAlias(host.Name, null);
        }

        var servers = hosts.SelectMany(host => host.Servers).Concat(_targets.Find(name) ?? []).Distinct().ToList();
        foreach (var server in servers)
        {
            Fix(server);
        }

        var faults = _lab.Zone.Behaviours
            .Where(fault => fault.Name == normal || domain is not null && fault.Name.EndsWith($".{normal}", StringComparison.Ordinal))
            .ToList();
        foreach (var fault in faults)
        {
            _lab.Zone.Behave(fault.Name, DnsBehaviour.Normal);
        }

        List<string> restored =
        [
            .. domain is null ? [] : (string[])[$"the records of {normal}"],
            .. servers.Select(server => server.HostName).Distinct(),
            .. faults.Select(fault => $"DNS for {fault.Name}"),
        ];
        return restored.Count > 0
            ? $"Fixed: {string.Join(", ", restored)}."
            : throw new KeyNotFoundException($"There is nothing to fix at '{name}': `hosts` lists the servers, `dns` the faults of DNS.");
    }

    private void Fix(ILabServer server)
    {
        server.Certificates = [.. server.Certificates.Select(old => _lab.Ca.Issue(CertificateSpec.For(server.HostName) with { Key = old.Spec.Key }))];
        if (server is SmtpServer smtp)
        {
            smtp.Script = SmtpScript.Good;
        }

        if (server is PolicyHost policy)
        {
            policy.Script = PolicyScript.Good;
        }

        server.Start();
    }

    private string Received(string name)
    {
        var received = (_targets.Find(name) ?? throw _targets.Unknown(name)).SelectMany(server => server switch
        {
            SmtpServer smtp => smtp.Received.Select(said => $"{smtp.EndPoint.Address}  {said}").TakeLast(MaxReceived),
            PolicyHost policy => policy.Requests.Select(Describe).TakeLast(MaxReceived),
            _ => [],
        });
        return string.Join(Environment.NewLine, received) is { Length: > 0 } text ? text : $"No client has sent anything to {name} yet.";
    }

    private static string Describe(PolicyRequest request) => string.Create(
        CultureInfo.InvariantCulture, $"{request.At:HH:mm:ss}  {request.Tls}, SNI {request.ServerName}  {request.Method} {request.Path}, Host {request.Host}");

    private string Help()
    {
        var text = new StringBuilder();
        foreach (var (heading, commands) in _chapters)
        {
            text.AppendLine(heading);
            foreach (var command in commands)
            {
                text.AppendLine(command.Line);
            }

            text.AppendLine();
        }

        return text.ToString().TrimEnd();
    }
}
