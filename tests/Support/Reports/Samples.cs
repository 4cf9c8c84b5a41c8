using System.IO.Compression;
using System.Text;
using MimeKit;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Protocol;

namespace StsFunctions.Tests.Reports;

/// <summary>Reports as senders send them.</summary>
internal static class Samples
{
    public static IncomingReport IncomingReport(ReportSource? source) => new(BlobName.Parse("a name"), new Azure.ETag("1"), TestStorage.Noon, ProvenanceClaim.None) { Source = source };

    /// <summary>A report of the day before <see cref="TestStorage.Noon"/>.</summary>
    public static TlsReport Report(params ReportedPolicy[] policies) => new()
    {
        OrganizationName = "Company-X",
        Start = new DateTimeOffset(TestStorage.Noon.Date.AddDays(-1), TimeSpan.Zero),
        End = new DateTimeOffset(TestStorage.Noon.Date, TimeSpan.Zero).AddSeconds(-1),
        ContactInfo = "sts-reporting@company-x.example",
        ReportId = "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
        Policies = [.. policies],
    };

    public static ReportedPolicy Policy(string domain = "example.com", string type = PolicyTypes.Sts, long sessions = 90, long failures = 10, params FailureDetail[] details) => new()
    {
        PolicyType = type,
        PolicyDomain = DomainName.Parse(domain),
        SuccessfulSessions = sessions,
        FailedSessions = failures,
        FailureDetails = [.. details],
    };

    public static FailureDetail Failure(string type, string? mx = null, string? address = null, long sessions = 1, string? information = null) => new()
    {
        ResultType = type,
        ReceivingMxHostname = mx,
        ReceivingIp = address,
        FailedSessions = sessions,
        AdditionalInformation = information,
    };

    public static byte[] Json(params ReportedPolicy[] policies) => TlsReportJson.Write(Report(policies));

    public static byte[] Gzip(ReadOnlySpan<byte> bytes, CompressionLevel level = CompressionLevel.Fastest)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, level))
        {
            gzip.Write(bytes);
        }

        return compressed.ToArray();
    }

    /// <summary>A mail with the given parts after a few words.</summary>
    public static byte[] Mail(params (string Type, string? FileName, byte[] Content)[] parts)
    {
        var body = new Multipart("report") { new TextPart("plain") { Text = "This is a TLS report." } };
        body.ContentType.Parameters.Add("report-type", "tlsrpt");
        foreach (var (type, name, content) in parts)
        {
            var part = new MimePart(ContentType.Parse(type)) { Content = new MimeContent(new MemoryStream(content)), ContentTransferEncoding = ContentEncoding.Base64 };
            if (name is not null)
            {
                part.FileName = name;
            }

            body.Add(part);
        }

        var mail = new MimeMessage { Subject = "Report Domain: example.com", Body = body };
        mail.From.Add(new MailboxAddress("", "tlsrpt@company-x.example"));
        mail.To.Add(new MailboxAddress("", "reports@example.com"));
        using var written = new MemoryStream();
        mail.WriteTo(written);
        return written.ToArray();
    }

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
