using System.Text;
using System.Text.Json;
using StsFunctions.App.Api;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Local.Tokens;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Hosting;
using StsFunctions.Tests.Reports;
using Xunit;

namespace StsFunctions.Tests.Api;

/// <summary>Reports over the wire: which caller gets what of them.</summary>
public sealed class ReportsTests(ReportsTests.HostedDomain hosted) : IClassFixture<ReportsTests.HostedDomain>
{
    private const string Domain = "reported.example";
    private const string Other = "other.example";
    private const string RawId = "2026-03-11/rawrawrawrawrawrawrawrawra";
    private const string BothId = "2026-03-11/bothbothbothbothbothbothbo";
    private const string GoneId = "2026-03-11/gonegonegonegonegonegonego";
    private const string Days = "from=2026-03-01&to=2026-03-14";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(500)]
    public async Task The_pages_of_the_list_have_every_report_once_and_all_bodies_of_a_report_together(int pageSize)
    {
        var ids = new List<string>();
        for (string? continuation = ""; continuation is not null;)
        {
            var page = JsonOf(await GetAsync($"/api/domains/{Domain}/reports?{Days}&pageSize={pageSize}{(continuation.Length > 0 ? $"&continuation={continuation}" : "")}"));
            var lines = page.GetProperty("reports").EnumerateArray().ToList();
            Assert.NotEmpty(lines);
            foreach (var identity in lines.GroupBy(line => Text(line, "reportId")))
            {
                Assert.Single(identity, line => !line.GetProperty("superseded").GetBoolean());
            }

            ids.AddRange(lines.Select(line => Text(line, "id")));
            continuation = page.GetProperty("continuation").GetString();
        }

        Assert.Equal(5, ids.Distinct().Count());
        Assert.Equal(5, ids.Count);
    }

    [Fact]
    public async Task Days_outside_the_range_are_left_out() =>
        Assert.Equal(
            ["2026-03-11", "2026-03-12"],
            JsonOf(await GetAsync($"/api/domains/{Domain}/reports?from=2026-03-11&to=2026-03-12")).GetProperty("reports").EnumerateArray().Select(line => Text(line, "day")).Distinct());

    [Fact]
    [Trait("Conformance", "RPT-2")]
    [Trait("Conformance", "ARR-3")]
    public async Task The_summary_separates_counted_reports_from_others_and_each_policy_type()
    {
        var summary = JsonOf(await GetAsync($"/api/domains/{Domain}/reports/summary?{Days}"));

        var (counted, apart) = (summary.GetProperty("counted"), summary.GetProperty("apart"));
        Assert.Equal((3, 1, 1), (counted.GetProperty("reports").GetInt32(), apart.GetProperty("reports").GetInt32(), summary.GetProperty("superseded").GetInt32()));
        var types = counted.GetProperty("policyTypes").EnumerateArray().ToDictionary(type => Text(type, "policyType"));
        Assert.Equal(["sts", "tlsa"], types.Keys.Order());
        Assert.Equal((270, 30), (types["sts"].GetProperty("sessions").GetInt64(), types["sts"].GetProperty("failures").GetInt64()));
        Assert.Equal((15, 3), (types["tlsa"].GetProperty("sessions").GetInt64(), types["tlsa"].GetProperty("failures").GetInt64()));
        Assert.Equal(["2026-03-10", "2026-03-11", "2026-03-12"], types["sts"].GetProperty("days").EnumerateArray().Select(day => Text(day, "day")));
        var reason = Assert.Single(types["sts"].GetProperty("resultTypes").EnumerateArray());
        Assert.Equal(("certificate-expired", 30), (Text(reason, "resultType"), reason.GetProperty("failures").GetInt64()));
        Assert.Equal(ResultTypeGuide.Of("certificate-expired").Remedy, Text(reason, "remedy"));
        var sender = Assert.Single(types["sts"].GetProperty("senders").EnumerateArray());
        Assert.Equal(("company-x.example", "=Company-X"), (Text(sender, "signer"), Text(sender, "organization")));
        var host = Assert.Single(types["sts"].GetProperty("hosts").EnumerateArray());
        Assert.Equal(("mx1.reported.example", "192.0.2.1"), (Text(host, "mxHost"), Text(host, "address")));
    }

    [Fact]
    public async Task A_report_is_shown_in_full_with_explained_failures()
    {
        var shown = JsonOf(await GetAsync($"/api/domains/{Domain}/reports/{await FirstIdAsync()}"));

        Assert.Equal("2026-03-10", Text(shown.GetProperty("report"), "day"));
        Assert.Equal(["sts", "tlsa"], shown.GetProperty("report").GetProperty("policyTypes").EnumerateArray().Select(type => Text(type, "policyType")));
        Assert.Equal(["certificate-expired", "tlsa-invalid"], shown.GetProperty("failures").EnumerateArray().Select(failure => Text(failure, "resultType")));
        Assert.All(shown.GetProperty("failures").EnumerateArray(), failure => Assert.NotEmpty(Text(failure, "meaning")));
    }

    [Fact]
    public async Task The_raw_report_is_sent_as_bytes_that_no_browser_renders()
    {
        var answer = await GetAsync($"/api/domains/{Domain}/reports/{await FirstIdAsync()}/raw");

        Assert.Equal((200, "application/octet-stream", "nosniff"), (answer.Status, answer.Headers["Content-Type"], answer.Headers["X-Content-Type-Options"]));
        Assert.Equal($"attachment; filename=\"tlsrpt-{await FirstIdAsync()}.json\"", answer.Headers["Content-Disposition"]);
        Assert.Equal(hosted.Raw, answer.Body.ToArray());
    }

    [Fact]
    public async Task A_raw_report_that_also_covers_a_domain_of_another_group_needs_the_role_for_all_groups()
    {
        var path = $"/api/domains/{Other}/reports/{await FirstIdAsync(Other)}";

        Assert.Equal(200, (await GetAsync(path, TokenFor("blue"))).Status);
        var hidden = await GetAsync($"{path}/raw", TokenFor("blue"));
        Assert.Equal(403, hidden.Status);
        Assert.DoesNotContain("secret.example", hidden.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await GetAsync($"{path}/raw", TokenFor("blue", "green"))).Status);
        Assert.Equal(200, (await GetAsync($"{path}/raw", TokenOf("Sts.Reader", "Sts.AllGroups"))).Status);
    }

    [Fact]
    public async Task A_raw_report_past_retention_is_404_and_its_row_is_still_shown()
    {
        var id = (await LinesAsync()).First(line => Text(line, "day") == "2026-03-11").GetProperty("id").GetString();

        Assert.Equal(404, (await GetAsync($"/api/domains/{Domain}/reports/{id}/raw")).Status);
        Assert.Equal(200, (await GetAsync($"/api/domains/{Domain}/reports/{id}")).Status);
    }

    [Fact]
    public async Task A_row_with_the_name_of_a_blob_of_another_container_exposes_nothing()
    {
        var id = (await LinesAsync(Other)).First(line => Text(line, "day") == "2026-03-11").GetProperty("id").GetString();

        Assert.Equal(404, (await GetAsync($"/api/domains/{Other}/reports/{id}/raw")).Status);
    }

    [Fact]
    public async Task The_CSV_has_a_line_for_each_policy_type_of_each_report_and_no_formula()
    {
        var answer = await GetAsync($"/api/domains/{Domain}/reports.csv?{Days}");

        Assert.Equal((200, "text/csv; charset=utf-8", "nosniff"), (answer.Status, answer.Headers["Content-Type"], answer.Headers["X-Content-Type-Options"]));
        Assert.Equal("attachment; filename=\"reported.example-20260301-20260314.csv\"", answer.Headers["Content-Disposition"]);
        var lines = answer.Text.TrimEnd().Split("\r\n");
        Assert.Equal("day,sender,signedBy,reportId,start,end,policyType,sessions,failures,source,authentication,counts,superseded,arrivedAt,id", lines[0]);
        Assert.Equal(1 + 5 + 3, lines.Length);
        Assert.StartsWith("2026-03-10,'=Company-X,company-x.example,\"id \"\"0\"\", 1\",2026-03-10T00:00:00Z,2026-03-11T00:00:00Z,sts,90,10,mail,aligned,true,false,", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+1+cmd", "'+1+cmd")]
    [InlineData("-1-cmd", "'-1-cmd")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\t=1", "' =1")]
    [InlineData("\r=1", "' =1")]
    [InlineData(" =1", "' =1")]
    [InlineData("\"=1", "'\"=1")]
    [InlineData("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0")]
    [InlineData("a;=1", "a;'=1")]
    [InlineData("a; \"=1", "a;' \"=1")]
    [InlineData("a,@SUM(A1);+2", "a,'@SUM(A1);'+2")]
    [InlineData("a|-2+cmd", "a|'-2+cmd")]
    [InlineData("a\n=1", "a =1")]
    [InlineData("a\u001b[2J\u0000b", "a [2J b")]
    [InlineData("＝1", "'＝1")]
    [InlineData("a=1", "a=1")]
    [InlineData("a;b, c", "a;b, c")]
    [InlineData("2026-03-10T00:00:00Z", "2026-03-10T00:00:00Z")]
    [InlineData("-12.5", "-12.5")]
    [InlineData("+1", "+1")]
    [InlineData("1234567", "1234567")]
    public void A_cell_that_a_spreadsheet_would_execute_is_text(string cell, string safe) => Assert.Equal(safe, ReportCsv.Safe(cell));

    [Fact]
    public async Task The_JSON_export_is_one_array()
    {
        var answer = await GetAsync($"/api/domains/{Domain}/reports.json?{Days}");

        Assert.Equal(5, JsonOf(answer).GetArrayLength());
        Assert.Equal(0, JsonOf(await GetAsync($"/api/domains/{Domain}/reports.json?from=2020-01-01&to=2020-01-02")).GetArrayLength());
        Assert.StartsWith("attachment", answer.Headers["Content-Disposition"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("reports")]
    [InlineData("reports/summary")]
    [InlineData("reports.csv")]
    [InlineData("reports.json")]
    [InlineData("reports/20260310-a-b")]
    [InlineData("reports/20260310-a-b/raw")]
    public async Task A_domain_of_another_group_looks_exactly_like_one_that_is_not_hosted(string path)
    {
        var unhosted = await GetAsync($"/api/domains/unhosted.example/{path}", TokenFor("blue"));
        var hidden = await GetAsync($"/api/domains/secret.example/{path}", TokenFor("blue"));

        Assert.Equal(404, unhosted.Status);
        Assert.Equal((unhosted.Status, unhosted.Text), (hidden.Status, hidden.Text));
        Assert.Equal(403, (await GetAsync($"/api/domains/{Domain}/{path}", TokenOf("Sts.Reader"))).Status);
        Assert.Equal(403, (await GetAsync($"/api/domains/{Domain}/{path}", TokenOf("Sts.Agent", "Sts.AllGroups"))).Status);
    }

    [Theory]
    [InlineData("from=yesterday")]
    [InlineData("to=2026-3-1")]
    [InlineData("from=2026-03-02&to=2026-03-01")]
    [InlineData("from=2024-01-01&to=2026-01-01")]
    [InlineData("to=9999-12-31")]
    [InlineData("from=0001-01-01")]
    [InlineData("from=2026-01-01&from=2026-01-02")]
    public async Task Wrong_days_are_400_and_the_error_says_what_is_allowed(string query)
    {
        foreach (var path in (string[])["reports", "reports/summary", "reports.csv", "reports.json"])
        {
            var answer = await GetAsync($"/api/domains/{Domain}/{path}?{query}");
            Assert.Equal(400, answer.Status);
            Assert.Contains("from", answer.Text + " from", StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("continuation=")]
    [InlineData("continuation=____")]
    [InlineData("pageSize=0")]
    [InlineData("pageSize=501")]
    public async Task A_wrong_page_is_400(string query) => Assert.Equal(400, (await GetAsync($"/api/domains/{Domain}/reports?{query}")).Status);

    [Theory]
    [InlineData("nothing")]
    [InlineData("20260310-aaaa-bbbb")]
    [InlineData("20260310-'-b")]
    [InlineData("..%2F..")]
    public async Task A_missing_report_is_404(string id) => Assert.Equal(404, (await GetAsync($"/api/domains/{Domain}/reports/{id}")).Status);

    [Fact]
    public async Task HEAD_of_an_export_has_its_headers_only()
    {
        var head = await hosted.Handler.AskAsync("HEAD", $"/api/domains/{Domain}/reports.csv?{Days}", RunningApp.AppHost, $"Authorization: Bearer {TokenFor("blue")}");

        Assert.Equal((200, "text/csv; charset=utf-8"), (head.Status, head.Headers["Content-Type"]));
        Assert.Empty(head.Body);
    }

    [Theory]
    [InlineData("""{"container":"reports","from":"2026-03-01","to":"2026-03-14"}""", 202)]
    [InlineData("""{"container":"reports-quarantine","from":"2026-03-01","to":"2026-03-01"}""", 202)]
    [InlineData("""{"container":"reports","id":"2026-03-11/rawrawrawrawrawrawrawrawra"}""", 202)]
    [InlineData("""{"container":"reports","id":"2026-03-11/gonegonegonegonegonegonego"}""", 404)]
    [InlineData("""{"container":"reports-quarantine","id":"2026-03-11/rawrawrawrawrawrawrawrawra"}""", 404)]
    [InlineData("""{"domain":"reported.example","id":"20260310-aaaa-bbbb"}""", 404)]
    [InlineData("""{"domain":"../policies","id":"20260310-aaaa-bbbb"}""", 404)]
    [InlineData("""{"domain":"reported.example","container":"reports","id":"20260310-aaaa-bbbb"}""", 400)]
    [InlineData("""{"container":"reports","blob":"../policies/reported.example"}""", 400)]
    [InlineData("""{"container":"reports","id":"../policies/reported.example"}""", 400)]
    [InlineData("""{"container":"reports-quarantine","id":"../reports/2026-03-11/rawrawrawrawrawrawrawrawra"}""", 400)]
    [InlineData("""{"container":"reports","id":"2026-03-11/%2e%2e/policies/abcdefghijk"}""", 400)]
    [InlineData("""{"container":"reports","id":"2026-03-11/rawrawrawrawrawrawrawrawra","from":"2026-03-01","to":"2026-03-01"}""", 400)]
    [InlineData("""{"container":"reports","from":"2026-03-02","to":"2026-03-01"}""", 400)]
    [InlineData("""{"container":"reports","from":"2020-03-02","to":"2026-03-01"}""", 400)]
    [InlineData("""{"container":"reports","from":"2026-03-02"}""", 400)]
    [InlineData("""{"container":"policies","id":"reported.example"}""", 400)]
    [InlineData("""{"id":"2026-03-11/rawrawrawrawrawrawrawrawra"}""", 400)]
    [InlineData("""[]""", 400)]
    [InlineData("""null""", 400)]
    [InlineData("", 400)]
    public async Task An_administrator_reprocesses_reports_by_a_queue_message(string body, int status)
    {
        var answer = await PostAsync(body, TokenOf("Sts.Admin", "Sts.AllGroups"));

        Assert.Equal(status, answer.Status);
        var queue = hosted.Storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue);
        var message = (await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value;
        Assert.Equal(status == 202, message is not null);
        if (message is not null)
        {
            Assert.NotNull(ReprocessRequest.FromJson(message.Body.ToString()));
            await queue.DeleteMessageAsync(message.MessageId, message.PopReceipt, Cancellation);
        }
    }

    [Fact]
    public async Task A_report_to_reprocess_is_named_as_in_the_list()
    {
        var answer = await PostAsync($$"""{"domain":"{{Domain}}","id":"{{await FirstIdAsync()}}"}""", TokenOf("Sts.Admin", "Sts.AllGroups"));

        Assert.Equal(202, answer.Status);
        var queue = hosted.Storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue);
        var message = (await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value;
        Assert.Equal(RawId, ReprocessRequest.FromJson(message.Body.ToString())!.Id);
        await queue.DeleteMessageAsync(message.MessageId, message.PopReceipt, Cancellation);
    }

    [Fact]
    public async Task A_caller_without_the_administrator_role_or_with_some_groups_only_reprocesses_nothing()
    {
        const string body = $$"""{"container":"reports","id":"{{RawId}}"}""";

        Assert.Equal(403, (await PostAsync(body, TokenOf("Sts.Reader", "Sts.AllGroups"))).Status);
        Assert.Equal(403, (await PostAsync(body, hosted.Issuer.Issue(new TokenSpec { Roles = ["Sts.Admin"], Groups = ["blue"] }))).Status);
        Assert.Equal(413, (await PostAsync(new string(' ', 9_000), TokenOf("Sts.Admin", "Sts.AllGroups"))).Status);
        Assert.Null((await hosted.Storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue).ReceiveMessageAsync(cancellationToken: Cancellation)).Value);
    }

    private async Task<List<JsonElement>> LinesAsync(string domain = Domain) =>
        [.. JsonOf(await GetAsync($"/api/domains/{domain}/reports?{Days}")).GetProperty("reports").EnumerateArray()];

    private async Task<string> FirstIdAsync(string domain = Domain) => Text((await LinesAsync(domain))[0], "id");

    private Task<RawAnswer> PostAsync(string body, string token) => hosted.Handler.SendAsync(
        $"POST /api/reports/reprocess HTTP/1.1\nHost: 127.0.0.1\nX-Forwarded-Host: {RunningApp.AppHost}\nAuthorization: Bearer {token}\nContent-Length: {body.Length}", Encoding.ASCII.GetBytes(body));

    private Task<RawAnswer> GetAsync(string path, string? token = null) =>
        hosted.Handler.AskAsync("GET", path, RunningApp.AppHost, $"Authorization: Bearer {token ?? TokenFor("blue")}");

    private string TokenFor(params string[] groups) => hosted.Issuer.Issue(new TokenSpec { Roles = ["Sts.Reader"], Groups = groups });

    private string TokenOf(params string[] roles) => hosted.Issuer.Issue(new TokenSpec { Roles = roles });

    private static JsonElement JsonOf(RawAnswer answer) => answer.Status == 200 ? JsonDocument.Parse(answer.Body).RootElement : throw new InvalidOperationException($"{answer.Status} {answer.Text}");

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    /// <summary>Domains of two groups, with reports.</summary>
    public sealed class HostedDomain(AzuriteFixture azurite) : IAsyncLifetime
    {
        private static readonly Policy Policy = Policy.Parse("version: STSv1\nmode: testing\nmx: mx.example\nmax_age: 86400\n"u8);

        internal byte[] Raw { get; } = Samples.Json(Samples.Policy(Domain));

        internal TestStorage Storage { get; private set; } = null!;

        internal TokenIssuer Issuer { get; private set; } = null!;

        internal RunningApp Handler { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Issuer = await TokenIssuer.StartAsync(TimeProvider.System, Cancellation);
            Storage = await TestStorage.CreateAsync(azurite);
            foreach (var (domain, group) in (IEnumerable<(string, string)>)[(Domain, "blue"), (Other, "blue"), ("secret.example", "green")])
            {
                await Storage.Publisher.PublishAsync(DomainName.Parse(domain), Policy, group, Cancellation);
            }

            var container = Storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer);
            await container.GetBlobClient(RawId).UploadAsync(new BinaryData(Raw), Cancellation);
            await container.GetBlobClient(BothId).UploadAsync(new BinaryData(Samples.Json(Samples.Policy(Other), Samples.Policy("secret.example"), Samples.Policy("unhosted.example"))), Cancellation);
            for (var n = 0; n < 3; n++)
            {
                await StoreAsync(ReportOf(Domain, 10 + n, $"id \"{n}\", 1") with { Blob = n == 1 ? GoneId : RawId });
            }

            // Another body of the first, and a POST.
            await StoreAsync(ReportOf(Domain, 10, "id \"0\", 1") with { BodyHash = "forged", Sessions = 1_000_000, Authentication = AuthenticationResult.Unverified, Digest = null });
            await StoreAsync(ReportOf(Domain, 12, "posted") with { Source = ReportSource.Https, Authentication = AuthenticationResult.Unverified, Digest = null });
            await StoreAsync(ReportOf(Other, 10, "id") with { Blob = BothId });
            await StoreAsync(ReportOf(Other, 11, "leads elsewhere") with { Blob = "../policies/other.example" });
            while ((await Storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue).ReceiveMessageAsync(cancellationToken: Cancellation)).Value is not null)
            {
            }

            Handler = await RunningApp.StartAsync(Storage.ConnectionString, more: [.. Issuer.Settings.Select(setting => (setting.Key, setting.Value))]);
        }

        public async ValueTask DisposeAsync()
        {
            await Handler.DisposeAsync();
            await Issuer.DisposeAsync();
        }

        private static readonly ReportFailure[] Failures =
        [
            new("certificate-expired", "mx1.reported.example", "192.0.2.1", 10, ""),
            new("tlsa-invalid", "mx1.reported.example", "192.0.2.1", 1, "") { PolicyType = "tlsa" },
        ];

        private static Report ReportOf(string domain, int day, string id)
        {
            var start = new DateTimeOffset(2026, 3, day, 0, 0, 0, TimeSpan.Zero);
            return new Report(domain, "=Company-X", id, start, start.AddDays(1), "sts", 90, 10, ReportSource.Mail, AuthenticationResult.Aligned, start.AddDays(1), $"hash{day}", RawId)
            {
                SignedBy = "company-x.example",
                Digest = ReportDigest.Of([("sts", 90, 10), ("tlsa", 5, 1)], Failures),
            };
        }

        private Task StoreAsync(Report report) => Storage.Reports.StoreAsync(report, report.Digest is null ? [] : Failures, Cancellation);
    }
}
