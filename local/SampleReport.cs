using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using MimeKit;
using StsFunctions.Local.Lab;

namespace StsFunctions.Local;

/// <summary>A report as a sender writes one (RFC 8460 §4.4).</summary>
/// <param name="Sender">The organization-name.</param>
/// <param name="Domain">The policy domain.</param>
/// <param name="Day">The day that it covers, in UTC.</param>
/// <param name="Sessions">Successful sessions.</param>
/// <param name="Failures">Failed sessions, all of them for one reason.</param>
/// <param name="FailingMx">The MX host at which they failed.</param>
/// <param name="ResultType">The reason.</param>
public sealed record SampleReport(
    string Sender, string Domain, DateOnly Day, int Sessions, int Failures = 0, string FailingMx = "", string ResultType = "certificate-expired")
{
    private string SenderDomain => $"{Sender.ToLowerInvariant().Replace(' ', '-')}.example";

    private string Id => $"{Day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}-{Domain}-{SenderDomain}";

    /// <summary>Bare JSON.</summary>
    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("organization-name", Sender);
            json.WriteStartObject("date-range");
            json.WriteString("start-datetime", $"{Day:yyyy-MM-dd}T00:00:00Z");
            json.WriteString("end-datetime", $"{Day:yyyy-MM-dd}T23:59:59Z");
            json.WriteEndObject();
            json.WriteString("contact-info", $"smtp-tls-reporting@{SenderDomain}");
            json.WriteString("report-id", Id);
            json.WriteStartArray("policies");
            json.WriteStartObject();
            json.WriteStartObject("policy");
            json.WriteString("policy-type", "sts");
            json.WriteStartArray("policy-string");
            json.WriteStringValue("version: STSv1");
            json.WriteStringValue("mode: enforce");
            json.WriteEndArray();
            json.WriteString("policy-domain", Domain);
            json.WriteEndObject();
            json.WriteStartObject("summary");
            json.WriteNumber("total-successful-session-count", Sessions);
            json.WriteNumber("total-failure-session-count", Failures);
            json.WriteEndObject();
            if (Failures > 0)
            {
                json.WriteStartArray("failure-details");
                json.WriteStartObject();
                json.WriteString("result-type", ResultType);
                json.WriteString("sending-mta-ip", "192.0.2.25");
                json.WriteString("receiving-mx-hostname", FailingMx);
                json.WriteString("receiving-ip", "198.51.100.25");
                json.WriteNumber("failed-session-count", Failures);
                json.WriteEndObject();
                json.WriteEndArray();
            }

            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>Gzipped JSON, as it is posted.</summary>
    public byte[] ToGzip()
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Optimal))
        {
            gzip.Write(ToJson());
        }

        return stream.ToArray();
    }

    /// <summary>A mail (RFC 8460 §5.3), signed, as required for it to count, if there is a zone for the key.</summary>
    public byte[] ToMail(DnsZone? zone = null)
    {
        var report = new MimePart("application", "tlsrpt+gzip")
        {
            Content = new MimeContent(new MemoryStream(ToGzip())),
            ContentTransferEncoding = ContentEncoding.Base64,
            ContentDisposition = new ContentDisposition(ContentDisposition.Attachment),
            FileName = $"{SenderDomain}!{Domain}!{Unix(Day)}!{Unix(Day.AddDays(1)) - 1}.json.gz",
        };
        var body = new Multipart("report") { new TextPart("plain") { Text = $"This is a TLS report from {Sender} on {Domain}." }, report };
        body.ContentType.Parameters.Add("report-type", "tlsrpt");
        var mail = new MimeMessage { Subject = $"Report Domain: {Domain} Submitter: {SenderDomain} Report-ID: <{Id}>", Body = body };
        mail.From.Add(new MailboxAddress(Sender, $"smtp-tls-reporting@{SenderDomain}"));
        mail.To.Add(new MailboxAddress("", $"tlsrpt@{Domain}"));
        mail.Headers.Add("TLS-Report-Domain", Domain);
        mail.Headers.Add("TLS-Report-Submitter", SenderDomain);
        if (zone is not null)
        {
            var key = new DkimKey(SenderDomain, $"day{Day.DayNumber}");
            key.Publish(zone);
            key.Sign(mail);
        }

        using var stream = new MemoryStream();
        mail.WriteTo(stream);
        return stream.ToArray();
    }

    /// <summary>The file name of the report.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Sender}: {Domain}, {Day:yyyy-MM-dd}, {Sessions} session(s), {Failures} failure(s)");

    private static long Unix(DateOnly day) => new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero).ToUnixTimeSeconds();
}
