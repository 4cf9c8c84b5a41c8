using System.Globalization;
using System.Text;

namespace StsFunctions.Local.MailInternet;

/// <summary>What a person can type while the internet runs, to break something and to mend it.</summary>
public sealed class Commands
{
    private const int MaxLine = 1_000;
    private static readonly TimeSpan s_lifetime = TimeSpan.FromDays(90);

    private readonly MailInternet _internet;
    private readonly TimeProvider _time;
    private readonly IReadOnlyList<Command> _commands;

    /// <summary>Commands for one internet; the time provider counts the days that certificates have left.</summary>
    public Commands(MailInternet internet, TimeProvider time)
    {
        (_internet, _time) = (internet, time);
        _commands =
        [
            new("expire", "HOST [DAYS]", "its certificate expired yesterday, or expires in so many days", Expire),
            new("renew", "HOST", "a new, good certificate for 90 days", words => On(words, Renew)),
            new("wrong-name", "HOST", "its certificate is for another name", words => On(words, WrongName)),
            new("plain", "HOST", "it no longer offers STARTTLS", words => On(words, Plain)),
            new("starttls", "HOST", "it offers STARTTLS again", words => On(words, StartTls)),
            new("stop", "HOST", "nothing listens there any more", words => On(words, Stop)),
            new("start", "HOST", "it listens again, on every address", words => On(words, Start)),
            new("hosts", "", "every MX host and how it is", _ => Hosts()),
            new("help", "", "this list", _ => Help()),
        ];
    }

    /// <summary>Does what one line says, and answers in words. It never throws for what is in the line.</summary>
    public string Execute(string line)
    {
        if (line.Length > MaxLine)
            return "That line is too long. Type `help` for what there is.";
        var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            return "";

        var command = _commands.FirstOrDefault(known => known.Verb.Equals(words[0], StringComparison.OrdinalIgnoreCase));
        if (command is null)
            return $"There is no command `{words[0]}`. Type `help` for what there is.";
        try
        {
            return command.Run(words[1..]) ?? $"Say `{command.Verb} {command.Arguments}`".TrimEnd() + $": {command.Does}.";
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException)
        {
            return exception.Message;
        }
    }

    private string? On(string[] words, Func<MxHost, string> change) => words.Length == 1 ? change(_internet.Mx(words[0])) : null;

    private string? Expire(string[] words)
    {
        var days = -1;
        if (words.Length is 0 or > 2 || words.Length == 2 && !IsDays(words[1], out days))
            return null;

        var host = _internet.Mx(words[0]);
        // Half a day more, so that it stays so many whole days for as long as somebody looks.
        var left = TimeSpan.FromDays(days < 0 ? days : days + 0.5);
        Show(host, CertificateSpec.For(host.Name) with { NotBeforeFromNow = left - s_lifetime, NotAfterFromNow = left });
        return days < 0
            ? $"The certificate of {host.Name} expired yesterday. `renew {host.Name}` mends it."
            : $"The certificate of {host.Name} expires in {days} days. `renew {host.Name}` mends it.";
    }

    private string Renew(MxHost host)
    {
        Show(host, CertificateSpec.For(host.Name));
        return $"{host.Name} has a new certificate, good for {s_lifetime.TotalDays} days.";
    }

    private string WrongName(MxHost host)
    {
        Show(host, CertificateSpec.For("mail.somewhere-else.example"));
        return $"The certificate of {host.Name} is for mail.somewhere-else.example. `renew {host.Name}` mends it.";
    }

    private static string Plain(MxHost host)
    {
        host.Script = host.Script with { OffersStartTls = false };
        return $"{host.Name} does not offer STARTTLS any more. `starttls {host.Name}` mends it.";
    }

    private static string StartTls(MxHost host)
    {
        host.Script = host.Script with { OffersStartTls = true };
        return $"{host.Name} offers STARTTLS.";
    }

    private static string Stop(MxHost host)
    {
        host.Stop();
        return $"Nothing listens at {host.Name} any more. `start {host.Name}` mends it.";
    }

    private static string Start(MxHost host)
    {
        host.Start();
        return $"{host.Name} listens on {string.Join(", ", host.Servers.Select(server => server.EndPoint))}.";
    }

    private string Hosts()
    {
        var text = new StringBuilder();
        foreach (var host in _internet.Hosts)
        {
            foreach (var server in host.Servers)
            {
                var left = server.Certificate.Leaf.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime;
                var certificate = left < TimeSpan.Zero
                    ? "expired"
                    : string.Create(CultureInfo.InvariantCulture, $"{(int)left.TotalDays} days left");
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"{host.Name,-28} {server.EndPoint,-22} {(server.IsListening ? "up" : "down"),-5} {(server.Script.OffersStartTls ? "STARTTLS" : "plain"),-9} {string.Join(' ', server.Certificate.Spec.DnsNames)}, {certificate}");
            }
        }

        return text.Length == 0 ? "There are no MX hosts yet." : text.ToString().TrimEnd();
    }

    private string Help() => string.Join(
        Environment.NewLine,
        _commands.Select(command => $"{command.Verb + " " + command.Arguments,-24} {command.Does}"));

    private void Show(MxHost host, CertificateSpec spec) => host.Certificate = _internet.Ca.Issue(spec);

    private static bool IsDays(string word, out int days) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out days) && days <= 3_650;

    // Run answers null when the words are not what the command takes.
    private sealed record Command(string Verb, string Arguments, string Does, Func<string[], string?> Run);
}
