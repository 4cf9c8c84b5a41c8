using System.Net;

namespace StsFunctions.Local.Lab;

/// <summary>The servers that an argument of a command names.</summary>
internal sealed class CommandTargets(MailLab lab)
{
    private const string PolicyPrefix = "mta-sts.";

    /// <summary>
    /// The servers of an MX host, of one of its addresses, or of a policy host; a policy host of the app is moved into the
    /// lab, so that a command can change it.
    /// </summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public IReadOnlyList<ILabServer> Servers(string name)
    {
        if (Find(name) is { } found)
        {
            return found;
        }

        return DomainOfPolicyHost(name) is { } domain ? [lab.TakePolicy(domain)] : throw Unknown(name);
    }

    /// <summary>The SMTP servers of an MX host, or of one of its addresses.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public IReadOnlyList<SmtpServer> Smtp(string name) =>
        Find(name)?.OfType<SmtpServer>().ToList() is { Count: > 0 } servers ? servers : throw Unknown(name);

    /// <summary>The servers of that name or address, if there are any in the lab.</summary>
    public IReadOnlyList<ILabServer>? Find(string name)
    {
        var normal = DnsName.Normalize(name);
        if (lab.Hosts.FirstOrDefault(host => host.Name == normal) is { } mx)
        {
            return mx.Servers;
        }

        var found = lab.Hosts.SelectMany(host => host.Servers)
            .Concat<ILabServer>(lab.PolicyHosts.Append(lab.Elsewhere))
            .Where(server => IPAddress.TryParse(name, out var address) ? server.EndPoint.Address.Equals(address) : server.HostName == normal)
            .ToList();
        return found.Count > 0 ? found : null;
    }

    /// <summary>Lists the servers, and says where a policy host is that is not in this lab.</summary>
    public KeyNotFoundException Unknown(string name)
    {
        var hint = DomainOfPolicyHost(name) is { } domain && lab.Domain(domain).PolicyHost is null
            ? $" The app serves the policy of {domain}: `policy {domain} good` moves it into the mail lab."
            : "";
        return new($"There is no MX host '{name}' here. There are: {string.Join(", ", lab.Hosts.Select(host => host.Name))}.{hint}");
    }

    /// <summary>Describes the target: the name, and the address if the argument was one.</summary>
    public static string Describe(IReadOnlyList<ILabServer> servers, string name) =>
        IPAddress.TryParse(name, out var address) ? $"{servers[0].HostName} ({address})" : servers[0].HostName;

    private string? DomainOfPolicyHost(string name)
    {
        var normal = DnsName.Normalize(name);
        return normal.StartsWith(PolicyPrefix, StringComparison.Ordinal) && lab.Domains.Any(domain => domain.Name == normal[PolicyPrefix.Length..])
            ? normal[PolicyPrefix.Length..]
            : null;
    }
}
