using System.Text;
using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using Xunit;

namespace StsFunctions.Tests.Protocol;

public class TlsReportReaderTests
{
    private const string Example = """
        {
          "organization-name": "Company-X",
          "date-range": { "start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z" },
          "contact-info": "sts-reporting@company-x.example",
          "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
          "policies": [{
            "policy": {
              "policy-type": "sts",
              "policy-string": ["version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"],
              "policy-domain": "company-y.example",
              "mx-host": ["*.mail.company-y.example"]
            },
            "summary": { "total-successful-session-count": 5326, "total-failure-session-count": 303 },
            "failure-details": [{
              "result-type": "certificate-expired",
              "sending-mta-ip": "2001:db8:abcd:0012::1",
              "receiving-mx-hostname": "mx1.mail.company-y.example",
              "failed-session-count": 100
            }, {
              "result-type": "validation-failure",
              "sending-mta-ip": "198.51.100.62",
              "receiving-mx-hostname": "mx-backup.mail.company-y.example",
              "receiving-mx-helo": "mx-backup",
              "receiving-ip": "203.0.113.58",
              "failed-session-count": 203,
              "additional-information": "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported",
              "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"
            }]
          }]
        }
        """;

    private const string Smallest = """
        {"date-range":{"start-datetime":"2026-01-31T00:00:00Z","end-datetime":"2026-01-31T23:59:59Z"},"report-id":"r","policies":[]}
        """;

    private const string SmallestPolicy = """
        {"policy":{"policy-type":"sts","policy-domain":"a.example"},"summary":{"total-successful-session-count":1,"total-failure-session-count":2}}
        """;

    private static readonly string OnePolicy = Smallest.Replace("[]", $"[{SmallestPolicy}]", StringComparison.Ordinal);

    [Fact]
    [Trait("Conformance", "RPT-1")]
    public async Task A_report_names_its_organization_period_and_id()
    {
        var report = await Read(Example);

        Assert.Equal("Company-X", report.OrganizationName);
        Assert.Equal("sts-reporting@company-x.example", report.ContactInfo);
        Assert.Equal("5065427c-23d3-47ca-b6e0-946ea0e8c4be", report.ReportId);
        Assert.Equal(new DateTimeOffset(2016, 4, 1, 0, 0, 0, TimeSpan.Zero), report.Start);
        Assert.Equal(new DateTimeOffset(2016, 4, 1, 23, 59, 59, TimeSpan.Zero), report.End);
        Assert.Single(report.Policies);
    }

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public async Task A_policy_has_its_applied_text_and_its_session_counts()
    {
        var policy = (await Read(Example)).Policies[0];

        Assert.Equal(PolicyTypes.Sts, policy.PolicyType);
        Assert.Equal(["version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"], policy.PolicyString);
        Assert.Equal(DomainName.Parse("company-y.example"), policy.PolicyDomain);
        Assert.Equal(["*.mail.company-y.example"], policy.MxHosts);
        Assert.Equal(5326, policy.SuccessfulSessions);
        Assert.Equal(303, policy.FailedSessions);
    }

    [Fact]
    [Trait("Conformance", "RPT-3")]
    public async Task A_detail_has_a_type_and_a_count_and_everything_else_may_be_absent()
    {
        var policy = (await Read(Example)).Policies[0];

        Assert.Equal(
            [
                new FailureDetail
                {
                    ResultType = "certificate-expired",
                    SendingMtaIp = "2001:db8:abcd:0012::1",
                    ReceivingMxHostname = "mx1.mail.company-y.example",
                    FailedSessions = 100,
                },
                new FailureDetail
                {
                    ResultType = "validation-failure",
                    SendingMtaIp = "198.51.100.62",
                    ReceivingMxHostname = "mx-backup.mail.company-y.example",
                    ReceivingMxHelo = "mx-backup",
                    ReceivingIp = "203.0.113.58",
                    FailedSessions = 203,
                    AdditionalInformation = "https://reports.company-x.example/report_info?id=5065427c-23d3#StarttlsNotSupported",
                    FailureReasonCode = "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
                },
            ],
            policy.FailureDetails);
    }

    [Fact]
    [Trait("Conformance", "RPT-4")]
    public void The_registry_has_eleven_result_types()
    {
        string[] registered =
        [
            "starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted", "validation-failure",
            "tlsa-invalid", "dnssec-invalid", "dane-required", "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid",
        ];

        Assert.Equal(registered.Order(StringComparer.Ordinal), ResultTypes.All.Order(StringComparer.Ordinal));
        Assert.All(registered, type => Assert.True(ResultTypes.IsRegistered(type)));
        Assert.False(ResultTypes.IsRegistered("Certificate-Expired"));
    }

    [Theory]
    [Trait("Conformance", "RPT-4")]
    [InlineData("sts-policy-invalid", true)]
    [InlineData("certificate-revoked", false)]
    [InlineData("", false)]
    public async Task A_result_type_is_stored_as_received(string type, bool registered)
    {
        var report = await Read(Example.Replace("certificate-expired", type, StringComparison.Ordinal));

        Assert.Equal(type, report.Policies[0].FailureDetails[0].ResultType);
        Assert.Equal(registered, ResultTypes.IsRegistered(type));
    }

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public async Task An_unknown_policy_type_is_stored_as_received() =>
        Assert.Equal("dane+sts", (await Read(OnePolicy.Replace("\"sts\"", "\"dane+sts\"", StringComparison.Ordinal))).Policies[0].PolicyType);

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public async Task Lists_and_failure_details_may_be_absent()
    {
        var policy = (await Read(OnePolicy)).Policies[0];

        Assert.Empty(policy.PolicyString);
        Assert.Empty(policy.MxHosts);
        Assert.Empty(policy.FailureDetails);
        Assert.Equal((1, 2), (policy.SuccessfulSessions, policy.FailedSessions));
    }

    [Fact]
    [Trait("Conformance", "RPT-1")]
    public async Task Null_counts_as_absent()
    {
        var report = await Read(OnePolicy
            .Replace("\"report-id\"", "\"contact-info\":null,\"organization-name\":null,\"report-id\"", StringComparison.Ordinal)
            .Replace("\"summary\"", "\"failure-details\":null,\"summary\"", StringComparison.Ordinal));

        Assert.Null(report.ContactInfo);
        Assert.Null(report.OrganizationName);
        Assert.Empty(report.Policies[0].FailureDetails);
    }

    [Fact]
    [Trait("Conformance", "RPT-1")]
    public async Task Unknown_members_are_ignored_anywhere()
    {
        const string unknown = """
            "x":{"policies":[{"policy":1}],"report-id":[[{"a":null}]]},"y":[1,[2,{}],"]"],"z":1.5e300,"w":true,"policy-domain-":"",
            """;
        var text = Example.Replace("{ \"", "{" + unknown + "\"", StringComparison.Ordinal);
        foreach (var name in new[] { "organization-name", "policy\"", "policy-type", "result-type", "sending-mta-ip" })
        {
            text = text.Replace($"\"{name}", $"{unknown}\"{name}", StringComparison.Ordinal);
        }

        Assert.Equal(TlsReportJson.Write(await Read(Example)), TlsReportJson.Write(await Read(text)));
    }

    [Fact]
    [Trait("Conformance", "RPT-1")]
    public async Task Members_may_be_in_any_order()
    {
        var report = await Read("""
            {"policies":[{"failure-details":[{"failed-session-count":3,"result-type":"tlsa-invalid"}],
             "summary":{"total-failure-session-count":2,"total-successful-session-count":1},
             "policy":{"mx-host":["b.example"],"policy-domain":"a.example","policy-string":["3 1 1 00"],"policy-type":"tlsa"}},
             {"summary":{"total-failure-session-count":0,"total-successful-session-count":0},"policy":{"policy-domain":"c.example","policy-type":"no-policy-found"}}],
             "report-id":"r","date-range":{"end-datetime":"2026-01-31T23:59:59Z","start-datetime":"2026-01-31T00:00:00Z"}}
            """);

        Assert.Equal(new FailureDetail { ResultType = "tlsa-invalid", FailedSessions = 3 }, report.Policies[0].FailureDetails.Single());
        Assert.Equal(["3 1 1 00"], report.Policies[0].PolicyString);
        Assert.Equal(["b.example"], report.Policies[0].MxHosts);

        // What one policy holds must not leak into the next.
        Assert.Empty(report.Policies[1].FailureDetails);
        Assert.Empty(report.Policies[1].PolicyString);
        Assert.Empty(report.Policies[1].MxHosts);
        Assert.Equal("no-policy-found", report.Policies[1].PolicyType);
    }

    [Theory]
    [Trait("Conformance", "RPT-1")]
    [InlineData("2026-01-31T00:00:00Z", "2026-01-31T00:00:00.0000000")]
    [InlineData("2026-01-31t00:00:00z", "2026-01-31T00:00:00.0000000")]
    [InlineData("2026-01-31T02:30:00+02:30", "2026-01-31T00:00:00.0000000")]
    [InlineData("2026-01-30T16:00:00-08:00", "2026-01-31T00:00:00.0000000")]
    [InlineData("2026-01-30T00:01:00-23:59", "2026-01-31T00:00:00.0000000")]
    [InlineData("2026-01-31T00:00:00-00:00", "2026-01-31T00:00:00.0000000")]
    [InlineData("2026-01-31T00:00:00.123Z", "2026-01-31T00:00:00.1230000")]
    [InlineData("2026-01-31T00:00:00.123456789Z", "2026-01-31T00:00:00.1234567")]
    [InlineData("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.0000000")]
    [InlineData("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.0000000")]
    public async Task A_date_is_converted_to_UTC(string text, string utc)
    {
        var report = await Read(Smallest
            .Replace("2026-01-31T00:00:00Z", text, StringComparison.Ordinal)
            .Replace("2026-01-31T23:59:59Z", "2099-01-01T00:00:00Z", StringComparison.Ordinal));

        Assert.Equal(TimeSpan.Zero, report.Start.Offset);
        Assert.Equal(utc, report.Start.ToString("yyyy-MM-ddTHH:mm:ss.fffffff", System.Globalization.CultureInfo.InvariantCulture));
    }

    [Theory]
    [Trait("Conformance", "RPT-1")]
    [InlineData("2026-01-31T00:00:00+24:00", "a zone of a day")]
    [InlineData("2026-01-31T00:00:00+00:60", "a zone of 60 minutes")]
    [InlineData("2026-01-31T00:00:00.Z", "a dot without digits")]
    [InlineData("2026-01-31T00:00:00ZZ", "two zones")]
    [InlineData("2026-02-29T00:00:00Z", "no such day")]
    [InlineData("2026-13-01T00:00:00Z", "no such month")]
    [InlineData("2026-01-31T00:00:61Z", "no such second")]
    [InlineData("0000-01-01T00:00:00Z", "no such year")]
    [InlineData("0001-01-01T00:00:00+01:00", "before the first year")]
    [InlineData("9999-12-31T23:59:60Z", "after the last year")]
    [InlineData("26-01-31T00:00:00Z", "a year of two digits")]
    [InlineData("٢٠٢٦-01-31T00:00:00Z", "digits outside ASCII")]
    [InlineData("", "empty")]
    [InlineData("2026-01-31T25:00:00", "no such hour, and no zone")]
    [InlineData("2026-01-31T", "a T and no time")]
    [InlineData("2026-01-31T00:00:00 CET", "a zone by name")]
    [InlineData("31.01.2026", "days first")]
    [InlineData("176981760", "too few seconds")]
    public Task An_invalid_date_is_refused(string text, string why) =>
        AssertRefused(Smallest.Replace("2026-01-31T00:00:00Z", text, StringComparison.Ordinal), why, "date-range.start-datetime");

    [Theory]
    [Trait("Conformance", "RPT-1")]
    [InlineData("\"report-id\":\"r\",", "\"report-id\":\"\\ud800\",", "not valid Unicode", "half a surrogate pair")]
    [InlineData("\"report-id\":\"r\",", "\"report-id\":\"r\",\"\\ud800report-id\":1,", "not valid Unicode", "half a surrogate pair in a name")]
    [InlineData("\"policies\":[]", "\"x\":1", "policies is missing", "no policies")]
    [InlineData("\"policies\":[]", "\"policies\":\"\"", "policies is a string where an array is expected", "a string for policies")]
    [InlineData("\"policies\":[]", "\"policies\":[1]", "policies holds a number where an object is expected", "a number among the policies")]
    [InlineData("\"policies\":[]", "\"policies\":[null]", "policies holds null where an object is expected", "null among the policies")]
    [InlineData("\"policies\":[]", "\"policies\":[[]]", "policies holds an array where an object is expected", "an array among the policies")]
    [InlineData("\"date-range\":{", "\"date-range\":[],\"x\":{", "date-range is an array where an object is expected", "an array for date-range")]
    [InlineData("\"date-range\":", "\"x\":", "date-range.start-datetime is missing", "no date-range")]
    [InlineData("2026-01-31T23:59:59Z", "2026-01-30T23:59:59Z", "ends before it starts", "the end before the start")]
    public Task A_report_without_a_required_member_is_refused(string part, string instead, string message, string why)
    {
        Assert.Contains(part, Smallest, StringComparison.Ordinal);
        return AssertRefused(Smallest.Replace(part, instead, StringComparison.Ordinal), why, message);
    }

    [Theory]
    [Trait("Conformance", "RPT-2")]
    [InlineData(",\"policy-domain\":\"a.example\"", "", "policies[0].policy.policy-domain is missing", "no domain")]
    [InlineData("a.example", "192.0.2.1", "policies[0].policy.policy-domain: \"192.0.2.1\" is an IP address", "an address for the domain")]
    [InlineData("\"policy\":", "\"x\":", "policies[0].policy.policy-domain is missing", "no policy")]
    [InlineData("count\":1,", "count\":-1,", "total-successful-session-count is not a count", "a negative count")]
    [InlineData("count\":1,", "count\":1.5,", "total-successful-session-count is not a count", "a fraction")]
    [InlineData("count\":1,", "count\":9007199254740992,", "total-successful-session-count is not a count", "2 to the 53")]
    [InlineData("count\":1,", "count\":99999999999999999999,", "total-successful-session-count is not a count", "more than a long")]
    [InlineData("count\":1,", "count\":true,", "total-successful-session-count is true or false where an integer is expected", "true for a count")]
    public Task A_policy_without_a_required_member_is_refused(string part, string instead, string message, string why)
    {
        Assert.Contains(part, OnePolicy, StringComparison.Ordinal);
        return AssertRefused(OnePolicy.Replace(part, instead, StringComparison.Ordinal), why, message);
    }

    [Theory]
    [Trait("Conformance", "RPT-3")]
    [InlineData("{\"result-type\":\"x\",\"failed-session-count\":-1}", "policies[0].failure-details[1].failed-session-count is not a count", "a negative count")]
    [InlineData("{\"result-type\":\"x\",\"failed-session-count\":\"many\"}", "policies[0].failure-details[1].failed-session-count is not a count", "a word for a count")]
    [InlineData("\"x\"", "policies[0].failure-details holds a string where an object is expected", "a string for a detail")]
    public Task A_detail_without_a_required_member_is_refused(string detail, string message, string why) =>
        AssertRefused(
            OnePolicy.Replace("\"summary\"", $"\"failure-details\":[{{\"result-type\":\"y\",\"failed-session-count\":7}},{detail}],\"summary\"", StringComparison.Ordinal),
            why,
            message);

    [Theory]
    [InlineData("", "empty")]
    [InlineData("  \n", "white space")]
    [InlineData("null", "null")]
    [InlineData("\"{}\"", "a string")]
    [InlineData("[]", "an array")]
    [InlineData("{}", "an empty object")]
    [InlineData("<html></html>", "a page of HTML")]
    [InlineData("\uFEFF{}", "a byte order mark")]
    [InlineData("{'report-id':'r'}", "single quotes")]
    [InlineData("{\"a\":1,}", "a comma at the end")]
    [InlineData("{\"a\":1 /* */}", "a comment")]
    [InlineData("{\"a\":NaN}", "NaN")]
    [InlineData("{\"a\":\"\u0001\"}", "a bare control character")]
    public Task Anything_but_one_JSON_object_is_refused(string text, string why) => AssertRefused(text, why, "");

    [Theory]
    [InlineData("")]
    [InlineData(" \r\n ")]
    public Task A_second_object_after_the_report_is_refused(string between) =>
        AssertRefused(Smallest + between + "{}", "another object after the report", "A second JSON object follows");

    [Fact]
    public async Task A_report_that_is_truncated_anywhere_is_refused()
    {
        for (var length = 0; length < Example.Length; length++)
        {
            await AssertRefused(Example[..length], $"{length} characters of it", "");
        }
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF_8_are_refused()
    {
        var bytes = Encoding.UTF8.GetBytes(Smallest);
        bytes[Smallest.IndexOf("\"r\"", StringComparison.Ordinal) + 1] = 0xFF;

        await Assert.ThrowsAsync<ProtocolException>(() => Read(bytes));
    }

    [Fact]
    public async Task An_error_names_the_position()
    {
        var text = Smallest.Replace("[]", "7", StringComparison.Ordinal);
        var fault = await Assert.ThrowsAsync<ProtocolException>(() => Read(text));

        Assert.Equal(text.IndexOf('7', text.IndexOf("policies", StringComparison.Ordinal)), fault.Offset);
        Assert.Equal($"At {fault.Offset}: policies is a number where an array is expected. (RFC 8460 §4.4)", fault.Message);
    }

    [Fact]
    public async Task An_error_far_into_the_report_names_the_position()
    {
        var padding = new string(' ', 100_000);
        var fault = await Assert.ThrowsAsync<ProtocolException>(() => Read(padding + Smallest.Replace("[]", "7", StringComparison.Ordinal)));

        Assert.InRange(fault.Offset ?? 0, padding.Length, padding.Length + Smallest.Length);
    }

    [Fact]
    public async Task A_token_may_span_the_end_of_the_buffer_at_any_point()
    {
        var expected = TlsReportJson.Write(await Read(Example));
        for (var before = 0; before < Example.Length; before++)
        {
            Assert.Equal(expected, TlsReportJson.Write(await Read(new string(' ', (16 * 1024) - before) + Example)));
        }
    }

    [Fact]
    public async Task A_stream_may_give_one_byte_at_a_time()
    {
        using var stream = new OneByteStream(Encoding.UTF8.GetBytes(Example));
        var report = await TlsReportReader.ReadAsync(stream, TlsReportLimits.Default, TestContext.Current.CancellationToken);

        Assert.Equal(TlsReportJson.Write(await Read(Example)), TlsReportJson.Write(report));
    }

    [Fact]
    public async Task Reading_stops_when_it_is_cancelled()
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(Example));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => TlsReportReader.ReadAsync(stream, TlsReportLimits.Default, new CancellationToken(canceled: true)).AsTask());
    }

    [Fact]
    public async Task Each_limit_includes_the_last_allowed_value()
    {
        var twoPolicies = Smallest.Replace("[]", $"[{SmallestPolicy},{SmallestPolicy}]", StringComparison.Ordinal);
        var deep = Smallest.Replace("\"report-id\"", "\"x\":[[[[[[[]]]]]]],\"report-id\"", StringComparison.Ordinal);
        var longText = Smallest.Replace("\"r\"", $"\"{new string('r', 40_000)}\"", StringComparison.Ordinal);
        var longIgnored = Smallest.Replace("\"report-id\"", $"\"x\":[\"{new string('r', 40_000)}\"],\"report-id\"", StringComparison.Ordinal);
        var longName = Smallest.Replace("\"report-id\"", $"\"{new string('r', 40_000)}\":1,\"report-id\"", StringComparison.Ordinal);
        var d = TlsReportLimits.Default with { MaxStringLength = 100_000 };

        await AssertLimit(twoPolicies, d with { MaxPolicies = 2 }, d with { MaxPolicies = 1 });
        await AssertLimit(deep, d with { MaxDepth = 8 }, d with { MaxDepth = 7 });
        await AssertLimit(Smallest, d with { MaxBytes = Smallest.Length }, d with { MaxBytes = Smallest.Length - 1 });
        await AssertLimit(longText, d with { MaxStringLength = 40_000 }, d with { MaxStringLength = 39_999 });
        await AssertLimit(longIgnored, d with { MaxStringLength = 40_000 }, d with { MaxStringLength = 39_999 });
        await AssertLimit(longName, d with { MaxStringLength = 40_000 }, d with { MaxStringLength = 39_999 });
        await AssertLimit(Smallest, d with { MaxStringLength = 20 }, d with { MaxStringLength = 13 });
    }

    [Fact]
    public async Task A_string_without_end_is_refused_before_it_fills_the_memory()
    {
        using var endless = new EndlessStream("{\"x\":\""u8.ToArray(), (byte)'a');
        await Assert.ThrowsAsync<ProtocolException>(() => TlsReportReader.ReadAsync(endless, TlsReportLimits.Default, TestContext.Current.CancellationToken).AsTask());

        Assert.InRange(endless.Given, 0, 8 * TlsReportLimits.Default.MaxStringLength);
    }

    [Fact]
    public async Task White_space_without_end_is_refused_at_the_byte_limit()
    {
        var limits = TlsReportLimits.Default with { MaxBytes = 1_000_000 };
        using var endless = new EndlessStream("{"u8.ToArray(), (byte)' ');
        await Assert.ThrowsAsync<ProtocolException>(() => TlsReportReader.ReadAsync(endless, limits, TestContext.Current.CancellationToken).AsTask());

        Assert.InRange(endless.Given, 1_000_001, 1_100_000);
    }

    [Fact]
    [Trait("Conformance", "RPT-1")]
    [Trait("Conformance", "RPT-2")]
    [Trait("Conformance", "RPT-3")]
    public Task A_report_that_a_sender_writes_is_read_back() =>
        Gens.TlsReport.SampleAsync(async report =>
        {
            var json = TlsReportJson.Write(report);
            Assert.Equal(json, TlsReportJson.Write(await Read(json)));
        });

    [Fact]
    public Task No_bytes_throw_anything_but_a_ProtocolException() =>
        Gen.OneOf(
            Gen.Byte.Array[0, 100],
            Gen.OneOf("{", "}", "[", "]", ",", ":", "\"policies\"", "\"policy\"", "\"summary\"", "\"mx-host\"", "\"\\ud800\"", "1", "null", "\"")
                .Array[0, 30].Select(tokens => Encoding.UTF8.GetBytes(string.Concat(tokens))),
            Gens.Damaged(Encoding.UTF8.GetBytes(Example), Encoding.UTF8.GetBytes(OnePolicy)))
            .SampleAsync(
                async bytes =>
                {
                    try
                    {
                        // What is read is a report, and means the same when written and read again.
                        var json = TlsReportJson.Write(await Read(bytes));
                        Assert.Equal(json, TlsReportJson.Write(await Read(json)));
                    }
                    catch (ProtocolException fault)
                    {
                        Assert.NotEmpty(fault.Message);
                    }
                },
                iter: 20_000);

    [Theory]
    [InlineData("\"x\":[", "1,", "1],", "many ignored items")]
    [InlineData("\"x\":\"", "\\u0061", "\",", "one long ignored text")]
    [InlineData("\"contact-info\":\"", "\\u0061", "\",", "one long text")]
    [InlineData("", " ", "", "white space")]
    [InlineData("", "\"x\":1,", "", "one ignored name again and again")]
    public void Work_grows_linearly_with_the_report(string before, string piece, string after, string why)
    {
        var limits = TlsReportLimits.Default with { MaxStringLength = 10_000_000 };
        Growth.AssertLinear(20_000, n =>
        {
            var middle = before + string.Concat(Enumerable.Repeat(piece, n)) + after;
            var bytes = Encoding.UTF8.GetBytes(Smallest.Replace("\"report-id\"", middle + "\"report-id\"", StringComparison.Ordinal));
            return () => Assert.True(ReadAtOnce(bytes, limits).ReportId == "r", why);
        });
    }

    [Fact]
    public void Work_grows_linearly_with_the_failure_details() =>
        Growth.AssertLinear(4_000, n =>
        {
            var bytes = WithDetails(n);
            return () => Assert.Equal(n, ReadAtOnce(bytes, TlsReportLimits.Default with { MaxFailureKinds = 100_000 }).Policies[0].FailureDetails.Length);
        });

    [Fact]
    public void A_repeated_string_is_stored_once()
    {
        var details = ReadAtOnce(WithDetails(2), TlsReportLimits.Default).Policies[0].FailureDetails;

        Assert.Same(details[0].ReceivingMxHostname, details[1].ReceivingMxHostname);
    }

    [Fact]
    public void Merged_details_of_one_kind_have_the_first_information_that_any_of_them_has()
    {
        (string Type, string? Words)[] details =
        [
            ("a", null), ("a", null), ("a", null), ("a", "the first"), ("a", "the second"), ("b", "\\u0061nd, escaped"), ("b", "plain"), ("c", "fünf"), ("c", "plain"), ("c", null),
        ];
        var json = string.Join(',', details.Select(detail =>
            $"{{\"result-type\":\"{detail.Type}\",{(detail.Words is null ? "" : $"\"additional-information\":\"{detail.Words}\",")}\"failed-session-count\":1}}"));
        var bytes = Encoding.UTF8.GetBytes(OnePolicy.Replace("\"summary\"", $"\"failure-details\":[{json}],\"summary\"", StringComparison.Ordinal));

        var stored = ReadAtOnce(bytes, TlsReportLimits.Default with { MaxFailureKinds = 3 }).Policies[0].FailureDetails;

        Assert.Equal([("a", 5, "the first"), ("b", 2, "and, escaped"), ("c", 3, "fünf")], stored.Select(detail => (detail.ResultType, detail.FailedSessions, detail.AdditionalInformation)));
    }

    [Theory]
    [InlineData("additional-information")]
    [InlineData("failure-reason-code")]
    public void Information_of_later_details_is_stored_as_far_as_there_is_room_and_their_sessions_all_count(string member)
    {
        var limits = TlsReportLimits.Default with { MaxFailureKinds = 100, MaxHeldBytes = 100_000 };
        var kinds = Enumerable.Range(0, limits.MaxFailureKinds).Select(n => $"{{\"result-type\":\"type-{n}\",\"failed-session-count\":1}}").ToList();
        var wordy = kinds.Select(kind => kind.Replace("}", $",\"{member}\":\"{new string('x', 1_000)}\"}}", StringComparison.Ordinal));
        var bytes = Encoding.UTF8.GetBytes(OnePolicy.Replace("\"summary\"", $"\"failure-details\":[{string.Join(',', kinds.Concat(wordy))}],\"summary\"", StringComparison.Ordinal));

        var stored = ReadAtOnce(bytes, limits).Policies[0].FailureDetails;

        Assert.Equal(limits.MaxFailureKinds, stored.Length);
        Assert.All(stored, detail => Assert.Equal(2, detail.FailedSessions));
        Assert.InRange(sizeof(char) * stored.Sum(detail => (detail.AdditionalInformation ?? detail.FailureReasonCode ?? "").Length), limits.MaxHeldBytes / 2, limits.MaxHeldBytes);
    }

    [Theory]
    [InlineData("\"additional-information\":\"first\",\"additional-information\":\"second\"", "first")]
    [InlineData("\"Additional-Information\":\"first\",\"additional-information\":\"second\"", "second")]
    [InlineData("\"Additional-Information\":\"first\",\"additional-information\":null", null)]
    [InlineData("\"additional-information\":\"first\",\"additional-information\":null", "first")]
    [InlineData("\"additional-information\":\"\"", "")]
    [InlineData("\"additional-information\":\"\\u0000\"", "\0")]
    public void The_text_of_a_detail_is_that_of_the_member_that_counts(string members, string? words)
    {
        var bytes = Encoding.UTF8.GetBytes(OnePolicy.Replace(
            "\"summary\"", $"\"failure-details\":[{{\"result-type\":\"a\",\"additional-information\":\"another's\"}},{{\"result-type\":\"b\",{members}}}],\"summary\"", StringComparison.Ordinal));

        Assert.Equal(words, ReadAtOnce(bytes, TlsReportLimits.Default).Policies[0].FailureDetails[1].AdditionalInformation);
    }

    private static byte[] WithDetails(int count) => Encoding.UTF8.GetBytes(OnePolicy.Replace(
        "\"summary\"",
        "\"failure-details\":["
            + string.Join(',', Enumerable.Repeat("{\"result-type\":\"certificate-expired\",\"receiving-mx-hostname\":\"mail.example.com\",\"failed-session-count\":1}", count))
            + "],\"summary\"",
        StringComparison.Ordinal));

    private static async Task AssertLimit(string text, TlsReportLimits enough, TlsReportLimits less)
    {
        Assert.NotNull(await Read(Encoding.UTF8.GetBytes(text), enough));
        await Assert.ThrowsAsync<ProtocolException>(() => Read(Encoding.UTF8.GetBytes(text), less));
    }

    private static async Task AssertRefused(string text, string why, string message)
    {
        var fault = await Record.ExceptionAsync(() => Read(text));
        Assert.True(fault is ProtocolException { Offset: >= 0 } known && known.Rule.StartsWith("RFC 8460 §4.4", StringComparison.Ordinal) && fault.Message.Contains(message, StringComparison.Ordinal), $"{why}: {fault}");
    }

    private static Task<TlsReport> Read(string text) => Read(Encoding.UTF8.GetBytes(text));

    private static async Task<TlsReport> Read(byte[] utf8, TlsReportLimits? limits = null)
    {
        using var stream = new MemoryStream(utf8);
        return await TlsReportReader.ReadAsync(stream, limits ?? TlsReportLimits.Default, TestContext.Current.CancellationToken);
    }

    // A memory stream answers at once, so that all is allocated on this thread.
    private static TlsReport ReadAtOnce(byte[] utf8, TlsReportLimits limits)
    {
        var reading = Read(utf8, limits);
        Assert.True(reading.IsCompleted);
        return reading.GetAwaiter().GetResult();
    }

    private sealed class OneByteStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(1, buffer.Length)], cancellationToken);
    }

    private sealed class EndlessStream(byte[] start, byte filler) : MemoryStream
    {
        public long Given { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            buffer.Span.Fill(filler);
            if (Given == 0)
            {
                start.CopyTo(buffer);
            }

            Given += buffer.Length;
            return ValueTask.FromResult(buffer.Length);
        }
    }
}
