using System.Security.Authentication;

namespace StsFunctions.Local.Lab;

/// <summary>Commands that change the scripts of mail servers.</summary>
internal sealed class SmtpCommands(CommandTargets targets)
{
    private static readonly Dictionary<string, SmtpStage> Stages = new()
    {
        ["banner"] = SmtpStage.Banner,
        ["ehlo"] = SmtpStage.Ehlo,
        ["starttls"] = SmtpStage.StartTls,
        ["handshake"] = SmtpStage.Handshake,
        ["inside"] = SmtpStage.EhloInTls,
        ["data"] = SmtpStage.Data,
    };

    public IReadOnlyList<Command> All =>
    [
        new("plain", "HOST", "it no longer offers STARTTLS", words => Rewrite(words, script => script with { OffersStartTls = false }, "does not offer STARTTLS any more", "starttls")),
        new("refuse", "HOST", "it offers STARTTLS, and then has no TLS", words => Rewrite(words, script => script with { StartTlsAnswer = SmtpScript.RefusesStartTls.StartTlsAnswer }, "refuses STARTTLS", "starttls")),
        new("inject", "HOST", "plain text follows its answer to STARTTLS, as from an attacker on the path", words => Rewrite(words, script => script with { Injection = SmtpScript.Injected.Injection }, "sends plain text after its answer to STARTTLS", "starttls")),
        new("starttls", "HOST", "it offers STARTTLS again, and it works", StartTls),
        new("tls", "HOST 1.2|1.3|old|any", "the TLS versions that it takes; old is 1.1 and older", Tls),
        new("turn-away", "HOST", "it greets with 554", words => Rewrite(words, script => script with { Banner = SmtpScript.Rejects.Banner }, "greets with 554")),
        new("drip", "HOST", "it sends everything one byte at a time", words => Rewrite(words, script => script with { OneByteAtATime = true }, "sends everything one byte at a time")),
        new("hang", "HOST [STAGE]", "it stops answering, at the banner or a later stage", words => WithFault(words, SmtpFaultKind.Hang, "stops answering")),
        new("flood", "HOST [STAGE]", "its answer has no end", words => WithFault(words, SmtpFaultKind.EndlessLines, "answers without end")),
        new("cut", "HOST [STAGE]", "it closes the connection", words => WithFault(words, SmtpFaultKind.CutOff, "closes the connection")),
    ];

    private string? StartTls(string[] words)
    {
        if (words is not [var name])
        {
            return null;
        }

        var servers = Rewrite(name, script => script with { OffersStartTls = true, StartTlsAnswer = SmtpScript.Good.StartTlsAnswer, Injection = null });
        return $"{CommandTargets.Describe(servers, name)} offers STARTTLS.";
    }

    private string? Tls(string[] words)
    {
        if (words is not [var name, var version])
        {
            return null;
        }

        SmtpScript? how = version switch
        {
            "1.2" => new() { Protocols = SslProtocols.Tls12 },
            "1.3" => new() { Protocols = SslProtocols.Tls13 },
            "old" => SmtpScript.OldTls,
            "any" => SmtpScript.Good,
            _ => null,
        };
        if (how is null)
        {
            return null;
        }

        var servers = Rewrite(name, script => script with
        {
            Protocols = how.Protocols,
            // A command about versions removes no other fault.
            Fault = how.Fault ?? (script.Fault == SmtpScript.OldTls.Fault ? null : script.Fault),
        });
        var host = CommandTargets.Describe(servers, name);
        return version switch
        {
            "any" => $"{host} takes TLS 1.2 and TLS 1.3.",
            "old" => $"{host} knows no TLS newer than 1.1. `tls {name} any` fixes it.",
            _ => $"{host} takes TLS {version} and no other. `tls {name} any` fixes it.",
        };
    }

    private string? WithFault(string[] words, SmtpFaultKind kind, string what)
    {
        if (words is not [var name, .. { Length: <= 1 } rest] || !Stages.TryGetValue(rest.FirstOrDefault("banner"), out var stage))
        {
            return null;
        }

        return Rewrite([name], script => script with { Fault = new(stage, kind) }, $"{what} at the stage {rest.FirstOrDefault("banner")}");
    }

    private string? Rewrite(string[] words, Func<SmtpScript, SmtpScript> how, string what, string fixedBy = "fix")
    {
        if (words is not [var name])
        {
            return null;
        }

        var servers = Rewrite(name, how);
        return $"{CommandTargets.Describe(servers, name)} {what}. `{fixedBy} {name}` fixes it.";
    }

    private IReadOnlyList<SmtpServer> Rewrite(string name, Func<SmtpScript, SmtpScript> how)
    {
        var servers = targets.Smtp(name);
        foreach (var server in servers)
        {
            server.Script = how(server.Script);
        }

        return servers;
    }
}
