using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MimeKit;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Tests.Reports;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>
/// The published worker under each known attack on its memory and processor time, sixteen at a time. It stays up and within its memory, answers
/// as documented, and serves everybody else.
/// </summary>
public sealed class AttackTests(AttackTests.Attacked running) : IClassFixture<AttackTests.Attacked>
{
    private const int Concurrency = 16;

    // What the kernel cannot take back when memory is short: all but the pages of the assemblies, about 100 MB. Under a memory limit of 220 MB, 40 remain for those in use.
    // 115 to 145 MB were measured; the busier the machine, the more garbage waits for its collection.
    private const long MaxHeldBytes = 180_000_000;

    private const string Domain = "example.com";

    private static readonly int[] Documented = [201, 400, 413, 429, 503];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Gzip_bodies_of_one_octet_members_beside_uploads_that_never_end_leave_the_worker_well()
    {
        var body = OneOctetMembers(Report("Alpha Mail").ToJson(), 9_700_000);
        using (var uploads = new UnfinishedUploads(running.System.Host.HttpAddress))
        {
            await uploads.OpenAsync(40, bytes: 1 << 20, Cancellation);
            await AssertAnsweredAsync(2 * Concurrency, _ => PostAsync(body));

            // Posts that never end keep neither a mail nor a policy from anybody.
            Assert.Equal(201, (await MailAsync(Report("Beta Mail").ToMail())).Status);
            Assert.Equal(HttpStatusCode.OK, await PolicyAsync());
        }

        await AssertAnsweredAsync(2 * Concurrency, _ => PostAsync(body));
        await AssertWellAsync();
    }

    public static TheoryData<string, string> Fields => new()
    {
        { "From: ", "a{0}@b.example," },
        { "Subject: ", "=?utf-8?Q?a{0}?= " },
        { "Content-Type: multipart/report; ", "a{0}=b;" },
        { "From: ", "({0}" },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    [Trait("Conformance", "ARR-5")]
    public async Task Mails_with_a_header_field_of_nine_megabytes_leave_the_worker_well(string field, string piece)
    {
        var mail = LargeMail(field, piece, 9_000_000);
        var zipped = Samples.Gzip(mail);

        // By anybody, and by the operator's mail provider: the one is read at once, the other from the queue.
        await AssertAnsweredAsync(2 * Concurrency, n => n % 2 == 0 ? PostAsync(zipped) : MailAsync([.. mail, .. Encoding.ASCII.GetBytes($"{n}")]));

        await AssertWellAsync();
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task Mails_signed_with_keys_of_16384_bits_leave_the_worker_well()
    {
        var key = RsaKeys.Encode(RsaKeys.Odd(16_384), RsaKeys.Odd(16_383));
        var mails = Enumerable.Range(0, Concurrency).Select(n => SignedMail(n, key)).ToList();

        await AssertAnsweredAsync(mails.Count, n => MailAsync(mails[n]));
        await AssertWellAsync();

        Assert.True(running.System.MailLab.Zone.QuestionsFor(RecordName(0, 0), DnsRecordType.Txt) > 0);
        Assert.Equal(mails.Count, running.Log.Count(line => line.Text.Contains("Attacker", StringComparison.Ordinal) && line.Text.Contains("Fail", StringComparison.Ordinal)));
    }

    // Sixteen at a time, and then everything that they left to be done.
    private static async Task AssertAnsweredAsync(int count, Func<int, Task<Answer>> sendAsync)
    {
        var answers = new Answer[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = Cancellation }, async (n, _) => answers[n] = await sendAsync(n));
        Assert.All(answers, answer =>
        {
            Assert.Contains(answer.Status, Documented);
            Assert.Equal(answer.Status is 429 or 503, answer.RetryAfter is { TotalSeconds: > 0 });
        });
    }

    private async Task AssertWellAsync()
    {
        await running.System.WhenIdleAsync(Cancellation);
        Assert.Equal(running.ProcessId, running.System.Host.WorkerProcessId);
        Assert.Equal(201, (await PostAsync(Report("Gamma Mail").ToGzip())).Status);
        Assert.Equal(HttpStatusCode.OK, await PolicyAsync());
        Assert.InRange(PeakHeldBytes(running.ProcessId), 0, MaxHeldBytes);
    }

    private Task<Answer> PostAsync(byte[] body) => SendAsync("/v1/tlsrpt", body, "application/tlsrpt+gzip");

    private Task<Answer> MailAsync(byte[] mail) => SendAsync("/v1/mail", mail, "message/rfc822");

    private async Task<Answer> SendAsync(string path, byte[] body, string type)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, running.System.Https(LocalSystem.AppHost, path)) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new(type);
        request.Headers.Authorization = new("Bearer", Attacked.MailSecret);
        using var answer = await running.System.Client.SendAsync(request, Cancellation);
        return new Answer((int)answer.StatusCode, answer.Headers.RetryAfter?.Delta);
    }

    private async Task<HttpStatusCode> PolicyAsync()
    {
        using var answer = await running.System.Client.GetAsync(running.System.Https($"mta-sts.{Domain}", "/.well-known/mta-sts.txt"), Cancellation);
        return answer.StatusCode;
    }

    private static SampleReport Report(string sender) => new(sender, Domain, DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1), Sessions: 1);

    // The largest resident set that the process ever had, less the pages of files: those only grow in number.
    private static long PeakHeldBytes(int process)
    {
        var status = File.ReadAllLines($"/proc/{process}/status");
        return Bytes("VmHWM:") - Bytes("RssFile:");

        long Bytes(string name) => 1024 * long.Parse(status.Single(line => line.StartsWith(name, StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>A text, and blanks behind it, each octet in a gzip member of its own.</summary>
    private static byte[] OneOctetMembers(byte[] text, int length)
    {
        var members = new Dictionary<byte, byte[]>();
        using var body = new MemoryStream(length);
        for (var n = 0; body.Length < length; n++)
        {
            var octet = n < text.Length ? text[n] : (byte)' ';
            if (!members.TryGetValue(octet, out var member))
            {
                members[octet] = member = Samples.Gzip([octet]);
            }

            body.Write(member);
        }

        return body.ToArray();
    }

    /// <summary>A mail whose one field is as long as that, of pieces that do not compress well enough to be a bomb.</summary>
    private static byte[] LargeMail(string field, string piece, int length)
    {
        var mail = new StringBuilder($"To: reports@{Domain}\r\nMIME-Version: 1.0\r\n{field}", length + 100);
        for (var n = 0; mail.Length < length; n++)
        {
            mail.AppendFormat(CultureInfo.InvariantCulture, piece, n);
        }

        return Encoding.ASCII.GetBytes(mail.Append("\r\n\r\n{}\r\n").ToString());
    }

    private static string RecordName(int mail, int signature) => $"s{mail}x{signature}._domainkey.attacker-{mail}.example";

    /// <summary>A report with as many signatures as are looked at, each with a key of its own.</summary>
    private byte[] SignedMail(int number, string key)
    {
        using var unsigned = new MemoryStream(Report($"Attacker {number}").ToMail());
        var mail = MimeMessage.Load(unsigned);
        for (var n = 0; n < 5; n++)
        {
            SignedMailFactory.AnyKey.As($"attacker-{number}.example", $"s{number}x{n}").Sign(mail);
            running.System.MailLab.Zone.Set(RecordName(number, n), DnsRecord.Txt([.. $"v=DKIM1; k=rsa; p={key}".Chunk(255).Select(part => new string(part))]));
        }

        return SignedMailFactory.Raw(mail);
    }

    private sealed record Answer(int Status, TimeSpan? RetryAfter);

    /// <summary>Posts that claim ten megabytes, send a part of them, and hold the connection open.</summary>
    private sealed class UnfinishedUploads(Uri host) : IDisposable
    {
        private readonly List<TcpClient> _connections = [];

        public async Task OpenAsync(int count, int bytes, CancellationToken cancellationToken)
        {
            var part = new byte[bytes];
            for (var n = 0; n < count; n++)
            {
                var connection = new TcpClient();
                _connections.Add(connection);
                await connection.ConnectAsync(host.Host, host.Port, cancellationToken);
                await connection.GetStream().WriteAsync(
                    Encoding.ASCII.GetBytes($"POST /v1/tlsrpt HTTP/1.1\r\nHost: {LocalSystem.AppHost}\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Length: 10000000\r\n\r\n"), cancellationToken);
                try
                {
                    await connection.GetStream().WriteAsync(part, cancellationToken);
                }
                catch (IOException)
                {
                    // Refused before it had sent its part: there was no memory left for it.
                }
            }
        }

        public void Dispose() => _connections.ForEach(connection => connection.Dispose());
    }

    /// <summary>The system that is attacked, with one domain that is hosted.</summary>
    public sealed class Attacked(AppUnderTest app) : RunningSystem(app), IAsyncLifetime
    {
        public const string MailSecret = "0123456789abcdef0123456789abcdef";

        /// <summary>The worker that has to stay.</summary>
        public int ProcessId { get; private set; }

        protected override LocalSystemOptions Options => new() { Settings = new Dictionary<string, string> { ["Sts__MailSecret"] = MailSecret } };

        async ValueTask IAsyncLifetime.InitializeAsync()
        {
            await InitializeAsync();
            await System.AddAsync(LabDomains.Get(Domain), TestContext.Current.CancellationToken);
            await System.WhenIdleAsync(TestContext.Current.CancellationToken);
            ProcessId = System.Host.WorkerProcessId!.Value;
        }
    }
}
