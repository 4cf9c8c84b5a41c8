using System.Net;
using Microsoft.Extensions.Logging;
using StsFunctions.Network.Egress;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.Tests.Reports;

/// <summary>IngestReport over a storage account.</summary>
internal static class Ingest
{
    // Nothing listens there: a test of signatures has its own DNS.
    private static readonly IPEndPoint NoDns = new(IPAddress.Loopback, 1);

    public static ReportIngestion FunctionOn(TestStorage storage, ILogger<ReportIngestion> log, ReportInbox? inbox = null, IPEndPoint? dns = null, int maxExpanded = 64 << 20, int mostADay = 1_000) => new(
        inbox ?? storage.Inbox,
        new ReportArchive(storage.Blobs),
        new ReportReader(new ReportLimitsOptions { MaxBytes = 4 << 20, MaxExpandedBytes = maxExpanded }, storage.Time),
        storage.Reports,
        storage.Signers,
        storage.Domains,
        new DkimValidator(new DnsResolver(new EgressOptions { DnsServer = dns ?? NoDns }), storage.Time),
        new ReportQueue(storage.Queues),
        storage.Evaluations,
        new ReportIntakeOptions { ReportsPerSignerAndDay = mostADay },
        storage.Time,
        log);
}
