using System.Net;
using Microsoft.Extensions.Logging;
using StsFunctions.IngestReport;
using StsFunctions.Outgoing;
using StsFunctions.Reports;

namespace StsFunctions.Tests.Reports;

/// <summary>IngestReport over a storage account.</summary>
internal static class Ingest
{
    // Nobody listens there: a test of signatures has a DNS of its own.
    private static readonly IPEndPoint s_noDns = new(IPAddress.Loopback, 1);

    public static IngestReportFunction FunctionOn(TestStorage storage, ILogger<IngestReportFunction> log, ReportInbox? inbox = null, IPEndPoint? dns = null, int maxExpanded = 64 << 20, int mostADay = 1_000) => new(
        inbox ?? storage.Inbox,
        new RawReports(storage.Blobs),
        new ReportReader(new ReportLimitsOptions { MaxBytes = 4 << 20, MaxExpandedBytes = maxExpanded }, storage.Time),
        storage.Reports,
        storage.Signers,
        storage.Domains,
        storage.Fleet,
        new MailAuthenticity(new Resolver(new EgressOptions { DnsServer = dns ?? s_noDns }), storage.Time),
        new ArrivalQueue(storage.Queues),
        new ReportIntakeOptions { ReportsPerSignerAndDay = mostADay },
        storage.Time,
        log);
}
