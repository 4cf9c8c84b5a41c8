using System.Globalization;
using System.Text.Json;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Tests.Protocol;

/// <summary>Writes a report as a sender does (RFC 8460 §4.4): the other half of a round trip.</summary>
internal static class TlsReportJson
{
    public static byte[] Write(TlsReport report)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            WriteText(json, "organization-name", report.OrganizationName);
            json.WriteStartObject("date-range");
            json.WriteString("start-datetime", Date(report.Start));
            json.WriteString("end-datetime", Date(report.End));
            json.WriteEndObject();
            WriteText(json, "contact-info", report.ContactInfo);
            json.WriteString("report-id", report.ReportId);
            json.WriteStartArray("policies");
            foreach (var policy in report.Policies)
            {
                WritePolicy(json, policy);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WritePolicy(Utf8JsonWriter json, ReportedPolicy policy)
    {
        json.WriteStartObject();
        json.WriteStartObject("policy");
        json.WriteString("policy-type", policy.PolicyType);
        WriteList(json, "policy-string", policy.PolicyString);
        json.WriteString("policy-domain", policy.PolicyDomain.Value);
        WriteList(json, "mx-host", policy.MxHosts);
        json.WriteEndObject();
        json.WriteStartObject("summary");
        json.WriteNumber("total-successful-session-count", policy.SuccessfulSessions);
        json.WriteNumber("total-failure-session-count", policy.FailedSessions);
        json.WriteEndObject();
        json.WriteStartArray("failure-details");
        foreach (var detail in policy.FailureDetails)
        {
            json.WriteStartObject();
            json.WriteString("result-type", detail.ResultType);
            WriteText(json, "sending-mta-ip", detail.SendingMtaIp);
            WriteText(json, "receiving-mx-hostname", detail.ReceivingMxHostname);
            WriteText(json, "receiving-mx-helo", detail.ReceivingMxHelo);
            WriteText(json, "receiving-ip", detail.ReceivingIp);
            json.WriteNumber("failed-session-count", detail.FailedSessions);
            WriteText(json, "additional-information", detail.AdditionalInformation);
            WriteText(json, "failure-reason-code", detail.FailureReasonCode);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static void WriteList(Utf8JsonWriter json, string name, IEnumerable<string> items)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStringValue(item);
        }

        json.WriteEndArray();
    }

    private static string Date(DateTimeOffset date) => date.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture);
}
