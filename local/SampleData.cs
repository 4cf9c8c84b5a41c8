using System.Net.Http.Headers;
using StsFunctions.Local.Lab;

namespace StsFunctions.Local;

/// <summary>The data of a new system.</summary>
public static class SampleData
{
    /// <summary>Hosts the typical domains.</summary>
    public static async Task AddDomainsAsync(LocalSystem system, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        foreach (var domain in LabDomains.Typical)
        {
            progress?.Report($"Hosting {domain.Name} …");
            await system.AddAsync(domain, cancellationToken);
        }
    }

    /// <summary>Three senders' reports on a day, as reports arrive.</summary>
    public static IReadOnlyList<SampleReport> Reports(DateOnly day) =>
    [
        new("Alpha Mail", "example.com", day, 812),
        new("Beta Post", "example.com", day, 95),
        new("Gamma Relay", "plain.example", day, 0, Failures: 7, "mx.plain.example", ResultType: "starttls-not-supported"),
    ];

    /// <summary>Delivers them: one by POST, which is listed and does not count, and two as signed mail of their senders.</summary>
    public static async Task DeliverReportsAsync(LocalSystem system, DateOnly day, CancellationToken cancellationToken)
    {
        var reports = Reports(day);
        await PostAsync(system, reports[0], cancellationToken);
        await system.DropAsync($"mail/{day:yyyy-MM-dd}-beta.eml", reports[1].ToMail(system.MailLab.Zone), cancellationToken);
        await system.DropAsync($"files/{day:yyyy-MM-dd}-gamma.eml", reports[2].ToMail(system.MailLab.Zone), cancellationToken);
    }

    /// <summary>Posts a report as a sender does (RFC 8460 §5.4).</summary>
    public static async Task PostAsync(LocalSystem system, SampleReport report, CancellationToken cancellationToken)
    {
        using var content = new ByteArrayContent(report.ToGzip());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/tlsrpt+gzip");
        using var answer = await system.Client.PostAsync(system.Https(LocalSystem.AppHost, "/v1/tlsrpt"), content, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"The report was refused: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(cancellationToken)}");
        }
    }
}
