namespace StsFunctions.Local.Lab;

/// <summary>Commands that change DNS records, and how questions are answered.</summary>
internal sealed class DnsCommands(MailLab lab)
{
    private static readonly Dictionary<string, (DnsBehaviour Behaviour, string What)> Behaviours = new()
    {
        ["normal"] = (DnsBehaviour.Normal, "is answered from its records"),
        ["fail"] = (DnsBehaviour.ServerFailure, "is answered with SERVFAIL"),
        ["refuse"] = (DnsBehaviour.Refused, "is answered with REFUSED"),
        ["silent"] = (DnsBehaviour.Silent, "is not answered at all"),
        ["truncate"] = (DnsBehaviour.TruncatedOverUdp, "is truncated over UDP, so that clients ask over TCP"),
        ["loop"] = (DnsBehaviour.CnameLoop, "is an alias of itself"),
    };

    private static readonly Dictionary<string, LabAddress> AddressKinds = new()
    {
        ["ipv4"] = LabAddress.IPv4,
        ["ipv6"] = LabAddress.IPv6,
        ["dead"] = LabAddress.DeadIPv4,
    };

    private static readonly Dictionary<string, (IReadOnlyList<string> Records, string What)> StsRecords = new()
    {
        ["good"] = (LabStsRecords.Good, "one MTA-STS record, and it is good"),
        ["missing"] = (LabStsRecords.Missing, "no MTA-STS record"),
        ["twice"] = (LabStsRecords.Twice, "two MTA-STS records"),
        ["malformed"] = (LabStsRecords.Malformed, "an MTA-STS record whose id is not letters and digits"),
        ["outdated"] = (LabStsRecords.Outdated, "an MTA-STS record whose id is not the policy's"),
        ["delegated"] = (LabStsRecords.Good, "a good MTA-STS record, delegated by a CNAME"),
    };

    public IReadOnlyList<Command> All =>
    [
        new("dns", "[NAME HOW]", $"how questions for a name are answered: {Listed(Behaviours.Keys)}; without arguments, the names with a fault", Dns),
        new("sts", "DOMAIN HOW", $"its MTA-STS record is {Listed(StsRecords.Keys)}", Sts),
        new("mx", "DOMAIN HOW", "its MX records: listed, null (it takes no mail), or implicit (it has none)", Mx),
        new("alias", "HOST", "an MX host's name becomes an alias, which is not allowed", Alias),
        new("addresses", "HOST KIND...", $"new addresses for an MX host: {Listed(AddressKinds.Keys)} (nothing listens there), one or more", Addresses),
    ];

    private string? Dns(string[] words)
    {
        if (words.Length == 0)
        {
            var faults = lab.Zone.Behaviours.Select(fault => $"{fault.Name} {Behaviours.Values.First(candidate => candidate.Behaviour == fault.Behaviour).What}.");
            return string.Join(Environment.NewLine, faults) is { Length: > 0 } text ? text : "Every name is answered from its records.";
        }

        if (words is not [var name, var how] || !Behaviours.TryGetValue(how, out var chosen))
        {
            return null;
        }

        if (!lab.Zone.Holds(name))
        {
            throw new KeyNotFoundException($"There is no name '{name}' in this DNS. For a domain there are DOMAIN, _mta-sts.DOMAIN, _smtp._tls.DOMAIN, mta-sts.DOMAIN and its MX hosts.");
        }

        lab.Zone.Behave(name, chosen.Behaviour);
        return chosen.Behaviour == DnsBehaviour.Normal ? $"{name} {chosen.What}." : $"{name} {chosen.What}. `dns {name} normal` fixes it.";
    }

    private string? Sts(string[] words)
    {
        if (words is not [var domain, var how] || !StsRecords.TryGetValue(how, out var chosen))
        {
            return null;
        }

        lab.Change(domain, current => current with
        {
            StsRecords = chosen.Records,
            StsRecordDelegatedTo = how == "delegated" ? $"{current.Name}._mta-sts.hosting.example" : null,
        });
        return $"{domain} has {chosen.What}." + (how == "good" ? "" : $" `sts {domain} good` fixes it.");
    }

    private string? Mx(string[] words)
    {
        if (words is not [var domain, "listed" or "null" or "implicit"])
        {
            return null;
        }

        if (words[1] == "listed" && lab.Domain(domain).Mx.Count == 0)
        {
            throw new InvalidOperationException($"{domain} has no MX host to list.");
        }

        var records = words[1] switch
        {
            "null" => MxRecords.Null,
            "implicit" => MxRecords.Implicit,
            _ => MxRecords.Listed,
        };
        lab.Change(domain, current => current with { MxRecords = records });
        return records switch
        {
            MxRecords.Null => $"{domain} has a null MX: it takes no mail. `mx {domain} listed` fixes it.",
            MxRecords.Implicit => $"{domain} has no MX record: its own address, {string.Join(", ", lab.Mx(domain).Servers.Select(server => server.EndPoint.Address))}, takes its mail. `mx {domain} listed` fixes it.",
            _ => $"{domain} has the MX hosts {string.Join(", ", lab.Domain(domain).Mx.Select(mx => mx.Host))}.",
        };
    }

    private string? Alias(string[] words)
    {
        if (words is not [var host])
        {
            return null;
        }

        var name = lab.Mx(host).Name;
        lab.SetAlias(name, $"real.{name}");
        return $"{name} is an alias of real.{name}. `fix {name}` fixes it.";
    }

    private string? Addresses(string[] words)
    {
        if (words is not [var host, _, ..] || !words[1..].All(AddressKinds.ContainsKey))
        {
            return null;
        }

        lab.Move(host, [.. words[1..].Select(word => AddressKinds[word])]);
        var mx = lab.Mx(host);
        return $"{mx.Name} is at {string.Join(", ", mx.Servers.Select(server => $"{server.EndPoint.Address}{(server.IsListening ? "" : ", where nothing listens")}"))}. `addresses {mx.Name} ipv4` fixes it.";
    }

    private static string Listed(IEnumerable<string> words) => string.Join(", ", words);
}
