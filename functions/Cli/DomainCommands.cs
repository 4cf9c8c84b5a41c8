using System.CommandLine;
using Azure;
using Spectre.Console;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Hosts;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.ReportIntake;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Hosting;
using StsFunctions.UseCases.Policies;

namespace StsFunctions.Cli;

/// <summary><c>domain add</c>, <c>list</c>, <c>show</c>, <c>remove</c>, <c>remaining</c>: commands on the storage of the settings.</summary>
internal static class DomainCommands
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Write JSON, for machines" };
        var domain = new Argument<string>("domain") { Description = "The policy domain, such as example.com" };

        var policy = new Option<FileInfo>("--policy") { Description = "The policy file, as RFC 8461 §3.2 has it", Required = true };
        var group = new Option<string?>("--group") { Description = "The customer or team that the domain belongs to" };
        var add = new Command("add", "Host a domain, or replace its policy; prints the DNS records to publish") { domain, policy, group, json };
        add.SetAction((parsed, cancellationToken) => RunAsync(
            (services, token) => AddAsync(services, parsed.GetValue(domain)!, parsed.GetValue(policy)!, parsed.GetValue(group), parsed.GetValue(json), token),
            cancellationToken));

        var list = new Command("list", "List the hosted domains") { json };
        list.SetAction((parsed, cancellationToken) => RunAsync((services, token) => ListAsync(services, parsed.GetValue(json), token), cancellationToken));

        var show = new Command("show", "Show a domain: policies, findings, and what senders reported") { domain, json };
        show.SetAction((parsed, cancellationToken) => RunAsync(
            (services, token) => ShowAsync(services, parsed.GetValue(domain)!, parsed.GetValue(json), token), cancellationToken));

        var force = new Option<bool>("--force") { Description = "Remove it although senders may still hold its policy" };
        var remove = new Command("remove", "Stop hosting a domain") { domain, force };
        remove.SetAction((parsed, cancellationToken) => RunAsync(
            (services, token) => RemoveAsync(services, parsed.GetValue(domain)!, parsed.GetValue(force), token), cancellationToken));

        var remaining = new Command("remaining", "List what would break if everything were taken down: domains still hosted, from when each may go, CNAMEs that would dangle") { json };
        remaining.SetAction((parsed, cancellationToken) => RunAsync((services, token) => DecommissionCommand.RunAsync(services, parsed.GetValue(json), token), cancellationToken));

        return new Command("domain", "Manage the hosted domains") { add, list, show, remove, remaining };
    }

    /// <summary>Runs a command on the storage of the settings. Every failure is one line that says what to do; a stack trace does not help at a prompt.</summary>
    public static async Task<int> RunAsync(Func<IServiceProvider, CancellationToken, Task<int>> command, CancellationToken cancellationToken)
    {
        await using var services = await CommandServices.CreateAsync(services => services.AddStsCore().AddStsStorage());
        if (services is null)
        {
            return Commands.WrongUse;
        }

        try
        {
            return await command(services, cancellationToken);
        }
        catch (Exception e) when (e is ProtocolException or RemovalRefusedException or ConcurrentChangeException or ChangePendingException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return Commands.Refused;
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException or Azure.Identity.AuthenticationFailedException)
        {
            await Console.Error.WriteLineAsync(StorageLayout.AdviceOn(e) ?? $"Storage failed: {CauseOf(e).Message.Split('\n')[0].Trim()} See AzureWebJobsStorage in the settings.");
            return Commands.Refused;
        }
    }

    // Use the last of several attempts; the rest is the storage client's text about retries.
    private static Exception CauseOf(Exception e) =>
        (e is AggregateException { InnerExceptions: [.., var last] } ? last : e).GetBaseException();

    private static async Task<int> AddAsync(IServiceProvider services, string name, FileInfo file, string? group, bool json, CancellationToken cancellationToken)
    {
        var domain = DomainName.Parse(name);
        var policy = await PolicyFiles.ReadAsync(file, cancellationToken);
        var publication = await services.GetRequiredService<PolicyPublisher>().PublishAsync(domain, policy, group, cancellationToken);
        var records = DnsRecords.For(
            domain, publication.Id, services.GetRequiredService<AppHostOptions>().Primary, services.GetRequiredService<PolicyHostOptions>().EdgeHosts,
            services.GetRequiredService<ReportIntakeOptions>().Mailbox?.MailAddress);
        if (json)
        {
            CommandJson.Write(new AddedJson(domain.Value, publication.Id, publication.Changed, records), CommandJson.Default.AddedJson);
            return Commands.Ok;
        }

        Console.WriteLine(publication.Changed
            ? $"{domain}: policy {publication.Id} ({policy.Mode.ToToken()}, max_age {policy.MaxAge} s) is published, and served everywhere within a minute."
            : $"{domain}: this policy is already the one that is served, as {publication.Id}.");
        Console.WriteLine();
        Console.WriteLine("Publish these DNS records, the _mta-sts record last (RFC 8461 §8.1):");
        Console.WriteLine();
        foreach (var record in records)
        {
            Console.WriteLine($"  {record}");
        }

        return Commands.Ok;
    }

    private static async Task<int> ListAsync(IServiceProvider services, bool json, CancellationToken cancellationToken)
    {
        var rows = await services.GetRequiredService<DomainSummaryStore>().ListAsync(cancellationToken).ToListAsync(cancellationToken);
        rows.Sort((a, b) => string.CompareOrdinal(a.Domain, b.Domain));
        if (json)
        {
            CommandJson.Write(rows, CommandJson.Default.ListDomainSummary);
            return Commands.Ok;
        }

        var table = Tables.Of("domain", "group", "mode", "policy id", "worst finding", "next expiry", "last check", "sessions", "failures");
        foreach (var row in rows)
        {
            table.AddCells(
                row.Domain,
                row.Group,
                row.Mode.ToToken(),
                row.PolicyId,
                row.WorstFinding?.ToString().ToLowerInvariant() ?? (row.LastCheckAt is null ? "-" : "none"),
                Tables.Day(row.NextExpiry),
                row is { LastCheckAt: not null, Observed: false } ? "no MX observed" : Tables.Minute(row.LastCheckAt),
                Tables.Number(Report.Sum(row.Days.Select(day => day.Sessions))),
                Tables.Number(Report.Sum(row.Days.Select(day => day.Failures))));
        }

        Tables.Write(table);
        Console.WriteLine($"{rows.Count} domain(s); sessions and failures as reported over the last 30 days.");
        return Commands.Ok;
    }

    private static async Task<int> ShowAsync(IServiceProvider services, string name, bool json, CancellationToken cancellationToken)
    {
        var domain = DomainName.Parse(name);
        var partition = await services.GetRequiredService<DomainStore>().ReadAsync(Keys.Domain(domain), cancellationToken);
        if (partition.Record is not { } record)
        {
            await Console.Error.WriteLineAsync($"{domain} is not hosted here; add it: domain add {domain} --policy FILE");
            return Commands.Refused;
        }

        var from = DateOnly.FromDateTime(services.GetRequiredService<TimeProvider>().GetUtcNow().UtcDateTime).AddDays(-29);
        var store = services.GetRequiredService<ReportStore>();
        var reports = new List<ShownReport>();
        foreach (var report in await store.ReadAsync(domain, from, cancellationToken))
        {
            reports.Add(new ShownReport(report, report.Failures == 0 ? [] : await store.ReadFailuresAsync(report, cancellationToken)));
        }

        var shown = new ShownDomain(domain.Value, record, partition.Policies, partition.Findings, partition.Outbox.Count, DomainSummaryStore.DailySessionsOf(reports.Select(r => r.Report)), reports);
        if (json)
        {
            CommandJson.Write(shown, CommandJson.Default.ShownDomain);
        }
        else
        {
            DomainView.Write(shown);
        }

        return Commands.Ok;
    }

    private static async Task<int> RemoveAsync(IServiceProvider services, string name, bool force, CancellationToken cancellationToken)
    {
        var domain = DomainName.Parse(name);
        if (!await services.GetRequiredService<PolicyPublisher>().RemoveAsync(domain, force, cancellationToken))
        {
            await Console.Error.WriteLineAsync($"{domain} is not hosted here.");
            return Commands.Refused;
        }

        Console.WriteLine($"{domain} is removed. Now take _mta-sts.{domain}, mta-sts.{domain} and _smtp._tls.{domain} out of DNS.");
        return Commands.Ok;
    }
}
