using System.Reflection;
using System.Text;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using Xunit;

namespace StsFunctions.Tests.Protocol;

/// <summary>Every tolerated deviation from RFC 8460 §4.4: its result, and its note.</summary>
public sealed class DeviationTests
{
    private const string FileName = "mail.company-x.example!named.example!1769817600!1769903999!the-id.json.gz";

    // One policy, one detail; each row of the table changes it.
    private const string Straight = """
        {"organization-name":"Company-X","date-range":{"start-datetime":"2026-01-31T00:00:00Z","end-datetime":"2026-01-31T23:59:59Z"},
        "contact-info":"sts@company-x.example","report-id":"r","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: testing"],
        "policy-domain":"a.example","mx-host":["*.a.example"]},"summary":{"total-successful-session-count":5,"total-failure-session-count":3},
        "failure-details":[{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mx.a.example","failed-session-count":3}]}]}
        """;

    private static readonly DateTimeOffset Start = new(2026, 1, 31, 0, 0, 0, TimeSpan.Zero);

    private static readonly ReportEnvelope Header = new() { Domain = "headed.example", Submitter = "Headed" };

    private static readonly ReportEnvelope File = new() { FileName = FileName };

    /// <summary>The note, the part of the valid report, its replacement, and the result.</summary>
    private static readonly (Deviation Deviation, string Part, string Instead, Func<TlsReport, bool> IsRead)[] Deviating =
    [
        (Deviation.ByteOrderMark, "{\"organization-name\"", "\uFEFF{\"organization-name\"", IsStraight),
        (Deviation.TrailingBytes, "}]}]}", "}]}]}\0\0\u001a", IsStraight),
        (Deviation.TrailingBytes, "}]}]}", "}]}]}\r\n-- \r\nSent by a gateway", IsStraight),
        (Deviation.NullMember, "\"sts@company-x.example\"", "null", r => r.ContactInfo is null),
        (Deviation.NullMember, "[\"*.a.example\"]", "[null,\"*.a.example\"]", IsStraight),
        (Deviation.NullMember, "[\"*.a.example\"]", "null", r => r.Policies[0].MxHosts is []),
        (Deviation.KeyInOtherCase, "\"report-id\"", "\"Report-ID\"", IsStraight),
        (Deviation.KeyInOtherCase, "\"total-failure-session-count\"", "\"total_failure_session_count\"", IsStraight),
        (Deviation.KeyInOtherCase, "\"policies\"", "\"Policies\"", IsStraight),
        (Deviation.DuplicateKey, "\"report-id\":\"r\"", "\"report-id\":\"r\",\"report-id\":\"s\"", IsStraight),
        (Deviation.DuplicateKey, "\"report-id\":\"r\"", "\"report-id\":\"r\",\"report\\u002did\":\"s\"", IsStraight),
        (Deviation.DuplicateKey, "\"report-id\":\"r\"", "\"REPORT-ID\":\"s\",\"report-id\":\"r\"", IsStraight),
        (Deviation.DuplicateKey, "\"mx-host\":", "\"mx-host-pattern\":[\"b.example\"],\"mx-host\":", IsStraight),
        (Deviation.DuplicateKey, "}]}]}", "}]}],\"policies\":[]}", IsStraight),
        (Deviation.MxHostPattern, "\"mx-host\"", "\"mx-host-pattern\"", IsStraight),
        (Deviation.StringForList, "[\"*.a.example\"]", "\"*.a.example\"", IsStraight),
        (Deviation.StringForList, "[\"version: STSv1\",\"mode: testing\"]", "\"version: STSv1\\nmode: testing\"", r => r.Policies[0].PolicyString is ["version: STSv1\nmode: testing"]),
        (Deviation.ListInString, "[\"version: STSv1\",\"mode: testing\"]", "\"[\\\"version: STSv1\\\",\\\"mode: testing\\\"]\"", IsStraight),
        (Deviation.ListInString, "[\"version: STSv1\",\"mode: testing\"]", "[\"[\\\"version: STSv1\\\", \\\"mode: testing\\\"]\"]", IsStraight),
        (Deviation.MxPrefix, "*.a.example", "mx: *.a.example", IsStraight),
        (Deviation.MxPrefix, "*.a.example", "MX:*.a.example", IsStraight),
        (Deviation.MxHostMissing, ",\"mx-host\":[\"*.a.example\"]", "", r => r.Policies[0].MxHosts is []),
        (Deviation.PolicyStringMissing, "\"policy-string\":[\"version: STSv1\",\"mode: testing\"],", "", r => r.Policies[0].PolicyString is []),
        (Deviation.ObjectForArray, "\"failure-details\":[{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"192.0.2.1\",\"receiving-mx-hostname\":\"mx.a.example\",\"failed-session-count\":3}]}]}",
            "\"failure-details\":{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"192.0.2.1\",\"receiving-mx-hostname\":\"mx.a.example\",\"failed-session-count\":3}}]}", IsStraight),
        (Deviation.NumberForText, "\"r\"", "20260131", r => r.ReportId == "20260131"),
        (Deviation.ValueIgnored, "\"sts@company-x.example\"", "{\"mail\":[\"x\"]}", r => r.ContactInfo is null),
        (Deviation.ValueIgnored, "\"sts@company-x.example\"", "true", r => r.ContactInfo is null),
        (Deviation.ValueIgnored, "[\"*.a.example\"]", "[7,[\"x\"],\"*.a.example\",{}]", IsStraight),
        (Deviation.CountAsString, ":5,", ":\"5\",", IsStraight),
        (Deviation.CountAsString, ":5,", ":\" 5 \",", IsStraight),
        (Deviation.CountAsFraction, ":5,", ":5.0,", IsStraight),
        (Deviation.CountAsFraction, ":5,", ":0.5e1,", IsStraight),
        (Deviation.TotalMissing, "\"total-successful-session-count\":5,", "", r => r.Policies[0] is { SuccessfulSessions: 0, FailedSessions: 3 }),
        (Deviation.TotalMissing, ",\"total-failure-session-count\":3", "", IsStraight),
        (Deviation.TotalMissing, "\"summary\"", "\"x\"", r => r.Policies[0] is { SuccessfulSessions: 0, FailedSessions: 3 }),
        (Deviation.DetailCountMissing, ",\"failed-session-count\":3", "", r => r.Policies[0].FailureDetails[0].FailedSessions == 1),
        (Deviation.SumDiffers, "failure-session-count\":3", "failure-session-count\":4", r => r.Policies[0] is { FailedSessions: 4, FailureDetails: [{ FailedSessions: 3 }] }),
        (Deviation.DateWithoutZone, "2026-01-31T00:00:00Z", "2026-01-31T00:00:00", IsStraight),
        (Deviation.DateWithoutZone, "2026-01-31T00:00:00Z", "2026-01-31 00:00:00.000", IsStraight),
        (Deviation.DateInOtherZone, "2026-01-31T00:00:00Z", "2026-01-31T05:30:00+05:30", IsStraight),
        (Deviation.DateOnly, "2026-01-31T00:00:00Z", "2026-01-31", IsStraight),
        (Deviation.DateOnly, "2026-01-31T23:59:59Z", "2026-01-31", IsStraight),
        (Deviation.DateOnly, "2026-01-31T23:59:59Z", "2026-02-01", r => r.End == Start.AddDays(1)),
        (Deviation.DateInOtherForm, "2026-01-31T00:00:00Z", "2026-01-31 00:00:00Z", IsStraight),
        (Deviation.DateInOtherForm, "2026-01-31T00:00:00Z", "2026-01-31T00:00:00+0000", IsStraight),
        (Deviation.DateInOtherForm, "2026-01-31T00:00:00Z", "2026-01-31 00:00:00 UTC", IsStraight),
        (Deviation.DateInOtherForm, "2026-01-31T00:00:00Z", "2026-01-31T00:00Z", IsStraight),
        (Deviation.DateInOtherForm, "2026-01-31T00:00:00Z", "2026-01-31T01:00:00+01", IsStraight),
        (Deviation.DateInOtherForm, "2026-01-31T00:00:00Z", "2026-01-30T24:00:00Z", IsStraight),
        (Deviation.DateInOtherForm, "\"2026-01-31T00:00:00Z\"", "1769817600", IsStraight),
        (Deviation.DateInOtherForm, "2026-01-31T00:00:00Z", "1769817600", IsStraight),
        (Deviation.EndAtNextMidnight, "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", r => (r.Start, r.End) == (Start, Start.AddDays(1))),
        (Deviation.EndMissing, ",\"end-datetime\":\"2026-01-31T23:59:59Z\"", "", IsStraight),
        (Deviation.OrganizationNameMissing, "\"organization-name\":\"Company-X\",", "", r => r.OrganizationName is null),
        (Deviation.ContactInfoMissing, "\"contact-info\":\"sts@company-x.example\",", "", r => r.ContactInfo is null),
        (Deviation.ReportIdMissing, "\"report-id\":\"r\",", "", r => r.ReportId.Length == 0),
        (Deviation.PoliciesEmpty, Straight[Straight.IndexOf("[{\"policy\"", StringComparison.Ordinal)..], "[]}", r => r.Policies is []),
        (Deviation.PolicyTypeMissing, "\"policy-type\":\"sts\",", "", r => r.Policies[0].PolicyType.Length == 0),
        (Deviation.UnknownPolicyType, "\"sts\"", "\"dane+sts\"", r => r.Policies[0].PolicyType == "dane+sts"),
        (Deviation.ResultTypeMissing, "\"result-type\":\"certificate-expired\",", "", r => r.Policies[0].FailureDetails[0] is { ResultType: "", FailedSessions: 3 }),
        (Deviation.UnknownResultType, "certificate-expired", "certificate-revoked", r => r.Policies[0].FailureDetails[0].ResultType == "certificate-revoked"),
        (Deviation.NoAddress, "\"sending-mta-ip\":\"192.0.2.1\",", "", r => r.Policies[0].FailureDetails[0].SendingMtaIp is null),
        (Deviation.Placeholder, "192.0.2.1", "", r => r.Policies[0].FailureDetails[0].SendingMtaIp is null),
        (Deviation.Placeholder, "192.0.2.1", "0.0.0.0", r => r.Policies[0].FailureDetails[0].SendingMtaIp is null),
        (Deviation.Placeholder, "mx.a.example", "N/A", r => r.Policies[0].FailureDetails[0].ReceivingMxHostname is null),
        (Deviation.DomainWithSpace, "\"a.example\"", "\" a.example\\n\"", IsStraight),
        (Deviation.TextCut, "certificate-expired", new string('x', 5_000), r => r.Policies[0].FailureDetails[0].ResultType.Length == 1_024),
        (Deviation.ListCut, "[\"*.a.example\"]", $"[{string.Join(',', Enumerable.Repeat("\"b.example\"", 5_000))}]", r => r.Policies[0].MxHosts.Length == 4_096),
        (Deviation.FailuresSummed, "[{\"result-type\"", $"[{string.Concat(Enumerable.Range(0, 1_000).Select(n => $"{{\"result-type\":\"t{n}\",\"failed-session-count\":1}},"))}{{\"result-type\"",
            r => r.Policies[0] is { FailureDetails.Length: 1_000, UnlistedFailures: 1 }),
    ];

    /// <summary>The same for what is written on the envelope.</summary>
    private static readonly (Deviation Deviation, ReportEnvelope Envelope, string Part, string Instead, Func<TlsReport, bool> IsRead)[] ByEnvelope =
    [
        (Deviation.DomainByHeader, Header, "\"policy-domain\":\"a.example\",", "", r => r.Policies[0].PolicyDomain.Value == "headed.example"),
        (Deviation.DomainByFileName, File, "\"policy-domain\":\"a.example\",", "", r => r.Policies[0].PolicyDomain.Value == "named.example"),
        (Deviation.DomainByFileName, File, "\"a.example\"", "\"\"", r => r.Policies[0].PolicyDomain.Value == "named.example"),
        (Deviation.SubmitterByHeader, Header, "\"organization-name\":\"Company-X\",", "", r => r.OrganizationName == "Headed"),
        (Deviation.SubmitterByFileName, File, "\"Company-X\"", "\" \"", r => r.OrganizationName == "mail.company-x.example"),
        (Deviation.RangeByFileName, File, "\"date-range\"", "\"x\"", r => (r.Start, r.End) == (Start, Start.AddDays(1).AddSeconds(-1))),
        (Deviation.ReportIdByFileName, File, "\"report-id\":\"r\",", "", r => r.ReportId == "the-id"),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Deviating.Length)];

    public static TheoryData<int> EnvelopeRows => [.. Enumerable.Range(0, ByEnvelope.Length)];

    private static IEnumerable<Deviation> All =>
        typeof(Deviation).GetProperties(BindingFlags.Public | BindingFlags.Static).Select(property => (Deviation)property.GetValue(null)!);

    [Fact]
    public async Task A_valid_report_has_no_deviation() => Assert.Empty((await ReadAsync(Straight, ReportEnvelope.None)).Notes);

    [Theory]
    [MemberData(nameof(Rows))]
    [Trait("Conformance", "RPT-5")]
    public Task A_report_that_deviates_is_read_and_the_deviation_is_recorded(int row) =>
        AssertReadAsync(Deviating[row].Deviation, ReportEnvelope.None, Deviating[row].Part, Deviating[row].Instead, Deviating[row].IsRead);

    [Theory]
    [MemberData(nameof(EnvelopeRows))]
    [Trait("Conformance", "ARR-4")]
    public Task The_envelope_supplies_what_the_report_lacks(int row) =>
        AssertReadAsync(ByEnvelope[row].Deviation, ByEnvelope[row].Envelope, ByEnvelope[row].Part, ByEnvelope[row].Instead, ByEnvelope[row].IsRead);

    [Fact]
    [Trait("Conformance", "ARR-4")]
    public async Task The_envelope_never_overrides_the_report()
    {
        var report = await ReadAsync(Straight, Header with { FileName = FileName });

        Assert.True(IsStraight(report));
        Assert.Empty(report.Notes);
    }

    [Fact]
    [Trait("Conformance", "ARR-4")]
    public async Task An_envelope_with_two_domains_supplies_none()
    {
        var fault = await Assert.ThrowsAsync<ProtocolException>(
            () => ReadAsync(Straight.Replace("\"policy-domain\":\"a.example\",", "", StringComparison.Ordinal), Header with { FileName = FileName }));

        Assert.Equal(TlsReportReader.UnattributedRule, fault.Rule);
    }

    [Fact]
    [Trait("Conformance", "ARR-4")]
    public async Task A_header_as_long_as_a_mail_supplies_no_name() =>
        Assert.Null((await ReadAsync(Straight.Replace("\"organization-name\":\"Company-X\",", "", StringComparison.Ordinal), new ReportEnvelope { Submitter = new string('x', 1_000_000) })).OrganizationName);

    [Fact]
    public void Every_deviation_has_a_row_a_code_and_a_reason()
    {
        Assert.Equal(All.Select(one => one.Code).Order(StringComparer.Ordinal), Deviating.Select(row => row.Deviation).Concat(ByEnvelope.Select(row => row.Deviation)).Select(one => one.Code).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(All.Count(), All.Select(one => one.Code).Distinct().Count());
        Assert.All(All, one => Assert.Matches("^[a-z]+(-[a-z]+)*$", one.Code));
        Assert.All(All, one => Assert.InRange(one.Reason.Length, 20, 200));
    }

    [Fact]
    public async Task A_repeated_deviation_is_one_note_with_a_count()
    {
        var detail = "{\"result-type\":\"new\\u001b\",\"receiving-ip\":\"192.0.2.1\",\"failed-session-count\":\"1\"}";
        var report = await ReadAsync(Straight.Replace("[{\"result-type\"", $"[{string.Concat(Enumerable.Repeat(detail + ",", 500))}{{\"result-type\"", StringComparison.Ordinal), ReportEnvelope.None);

        Assert.Equal(
            [
                "count-as-string: policies[0].failure-details[0].failed-session-count \"1\" (500 times)",
                "sum-differs: policies[0].failure-details \"503 in details, 3 in all\"",
                "unknown-result-type: policies[0].failure-details[0].result-type \"new\\u001b\" (500 times)",
            ],
            report.Notes.Select(note => note.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task The_largest_of_many_kinds_of_failure_are_stored_in_any_order_and_no_session_is_lost()
    {
        var details = string.Join(',', Enumerable.Range(1, 20_000).Select(n => $"{{\"result-type\":\"certificate-expired\",\"receiving-mx-hostname\":\"mx{n}.example\",\"receiving-ip\":\"192.0.2.1\",\"failed-session-count\":{n}}}"));
        var policy = (await ReadAsync(Straight.Replace("[{\"result-type\"", $"[{details},{{\"result-type\"", StringComparison.Ordinal), ReportEnvelope.None)).Policies[0];

        Assert.Equal(1_000, policy.FailureDetails.Length);
        Assert.Equal((20_000L * 20_001 / 2) + 3, policy.FailureDetails.Sum(detail => detail.FailedSessions) + policy.UnlistedFailures);
        Assert.Contains(policy.FailureDetails, detail => detail.ReceivingMxHostname == "mx20000.example");
    }

    [Fact]
    public async Task Failures_of_one_kind_are_merged_only_where_there_are_too_many()
    {
        var details = string.Join(',', Enumerable.Range(1, 1_500).Select(n => $"{{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"192.0.2.{n % 2}\",\"receiving-mx-hostname\":\"mx.a.example\",\"receiving-mx-helo\":\"mx\",\"failed-session-count\":1,\"failure-reason-code\":\"{n}\"}}"));
        var policy = (await ReadAsync(Straight.Replace("[{\"result-type\"", $"[{details},{{\"result-type\"", StringComparison.Ordinal), ReportEnvelope.None)).Policies[0];

        Assert.Equal(
            new FailureDetail { ResultType = "certificate-expired", ReceivingMxHostname = "mx.a.example", FailedSessions = 1_503, FailureReasonCode = "1" },
            Assert.Single(policy.FailureDetails));
        Assert.Equal(0, policy.UnlistedFailures);
    }

    private static bool IsStraight(TlsReport report) => report is
    {
        OrganizationName: "Company-X",
        ContactInfo: "sts@company-x.example",
        ReportId: "r",
        Policies:
        [
        {
            PolicyType: "sts",
            PolicyString: ["version: STSv1", "mode: testing"],
            PolicyDomain.Value: "a.example",
            MxHosts: ["*.a.example"],
            SuccessfulSessions: 5,
            FailedSessions: 3,
            FailureDetails: [{ ResultType: "certificate-expired", SendingMtaIp: "192.0.2.1", ReceivingMxHostname: "mx.a.example", FailedSessions: 3 }],
        },
        ],
    }
        && report.Start == Start && report.End == Start.AddDays(1).AddSeconds(-1);

    private static async Task AssertReadAsync(Deviation deviation, ReportEnvelope envelope, string part, string instead, Func<TlsReport, bool> isRead)
    {
        Assert.Contains(part, Straight, StringComparison.Ordinal);
        var report = await ReadAsync(Straight.Replace(part, instead, StringComparison.Ordinal), envelope);

        Assert.True(isRead(report), $"{deviation.Code}: {instead[..Math.Min(instead.Length, 200)]}");
        var note = Assert.Single(report.Notes, note => note.Deviation == deviation);
        Assert.StartsWith($"{deviation.Code}: ", note.ToString(), StringComparison.Ordinal);
        Assert.InRange(note.ToString().Length, 1, 250);
        Assert.Equal(TlsReportJson.Write(report), TlsReportJson.Write(await ReadAsync(Encoding.UTF8.GetString(TlsReportJson.Write(report)), ReportEnvelope.None)));
    }

    private static async Task<TlsReport> ReadAsync(string text, ReportEnvelope envelope)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        return await TlsReportReader.ReadAsync(stream, envelope, TlsReportLimits.Default, TestContext.Current.CancellationToken);
    }
}
