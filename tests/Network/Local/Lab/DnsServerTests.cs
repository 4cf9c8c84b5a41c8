using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CsCheck;
using DnsClient;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.Local.Lab;

public sealed class DnsServerTests : IAsyncDisposable
{
    private readonly DnsZone _zone = new();
    private readonly DnsServer _server;

    public DnsServerTests()
    {
        _server = DnsServer.Start(_zone, TimeProvider.System);
        _zone.Set("example.com",
            DnsRecord.Soa("ns.example.com", "hostmaster.example.com", 7, TimeSpan.FromSeconds(60)), DnsRecord.Ns("ns.example.com"));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_kind_of_record_is_returned_as_it_was_set()
    {
        _zone.Set("all.example.com",
            DnsRecord.Address(IPAddress.Parse("127.0.1.2")),
            DnsRecord.Address(IPAddress.Parse("2001:db8::1")),
            DnsRecord.Mx(20, "mx2.example.com"),
            DnsRecord.Mx(10, "mx1.example.com"),
            DnsRecord.Txt("v=STSv1; ", "id=1;"),
            DnsRecord.Caa(128, "issue", "ca.example.net"),
            DnsRecord.Tlsa(3, 1, 1, new byte[] { 1, 2, 3 }));

        Assert.Equal("127.0.1.2", Assert.Single((await Ask("all.example.com", QueryType.A)).Answers.ARecords()).Address.ToString());
        Assert.Equal("2001:db8::1", Assert.Single((await Ask("all.example.com", QueryType.AAAA)).Answers.AaaaRecords()).Address.ToString());
        Assert.Equal(
            [(10, "mx1.example.com."), (20, "mx2.example.com.")],
            (await Ask("all.example.com", QueryType.MX)).Answers.MxRecords().Select(mx => ((int)mx.Preference, mx.Exchange.Value)).Order());
        Assert.Equal(["v=STSv1; ", "id=1;"], Assert.Single((await Ask("all.example.com", QueryType.TXT)).Answers.TxtRecords()).Text);
        var caa = Assert.Single((await Ask("all.example.com", QueryType.CAA)).Answers.CaaRecords());
        Assert.Equal((128, "issue", "ca.example.net"), (caa.Flags, caa.Tag, caa.Value));
        var tlsa = Assert.Single((await Ask("all.example.com", QueryType.TLSA)).Answers.TlsaRecords());
        Assert.Equal("010203", tlsa.CertificateAssociationDataAsString);
        Assert.Equal("ns.example.com.", Assert.Single((await Ask("example.com", QueryType.NS)).Answers.NsRecords()).NSDName.Value);
        Assert.Equal(7u, Assert.Single((await Ask("example.com", QueryType.SOA)).Answers.SoaRecords()).Serial);
    }

    [Fact]
    public async Task A_TTL_is_sent_in_seconds()
    {
        _zone.Set("a.example.com", DnsRecord.Txt("x").For(TimeSpan.FromHours(2)));

        Assert.Equal(7200, Assert.Single((await Ask("a.example.com", QueryType.TXT)).Answers).InitialTimeToLive);
    }

    [Fact]
    public async Task Records_in_sequence_are_returned_once_each_and_the_last_stay()
    {
        _zone.SetInTurn("turning.example.com", [DnsRecord.Txt("first")], [DnsRecord.Txt("second")], [DnsRecord.Txt("last")]);
        var answers = new List<string>();
        for (var question = 0; question < 4; question++)
        {
            // A question for what the name does not have turns nothing.
            Assert.Empty((await Ask("turning.example.com", QueryType.A)).Answers);
            answers.AddRange(Assert.Single((await Ask("turning.example.com", QueryType.TXT)).Answers.TxtRecords()).Text);
        }

        Assert.Equal(["first", "second", "last", "last"], answers);
    }

    [Fact]
    public async Task A_null_MX_names_the_root()
    {
        _zone.Set("null.example.com", DnsRecord.Mx(0, "."));

        Assert.Equal(".", Assert.Single((await Ask("null.example.com", QueryType.MX)).Answers.MxRecords()).Exchange.Value);
    }

    [Theory]
    [InlineData("nobody.example.com", DnsHeaderResponseCode.NotExistentDomain)]
    [InlineData("example.com", DnsHeaderResponseCode.NoError)]
    [InlineData("between.example.com", DnsHeaderResponseCode.NoError)]
    public async Task A_missing_name_and_a_missing_type_are_distinct(string name, DnsHeaderResponseCode expected)
    {
        _zone.Set("below.between.example.com", DnsRecord.Txt("x"));

        var answer = await Ask(name, QueryType.TXT);

        Assert.Equal(expected, answer.Header.ResponseCode);
        Assert.Empty(answer.Answers);
        Assert.Equal(("example.com.", 60u), answer.Authorities.SoaRecords().Select(soa => (soa.DomainName.Value, soa.Minimum)).Single());
    }

    [Fact]
    public async Task A_name_in_no_zone_is_denied_by_the_root() =>
        Assert.Equal(".", Assert.Single((await Ask("nowhere.test", QueryType.A)).Authorities.SoaRecords()).DomainName.Value);

    [Fact]
    [Trait("Conformance", "TXT-7")]
    public async Task A_chain_of_CNAMEs_is_followed_in_the_answer()
    {
        _zone.Set("_mta-sts.example.com", DnsRecord.Cname("one.example.net"));
        _zone.Set("one.example.net", DnsRecord.Cname("two.example.net"));
        _zone.Set("two.example.net", DnsRecord.Txt("v=STSv1; id=1;"));

        var answer = await Ask("_mta-sts.example.com", QueryType.TXT);

        Assert.Equal(["one.example.net.", "two.example.net."], answer.Answers.CnameRecords().Select(cname => cname.CanonicalName.Value));
        Assert.Equal("two.example.net.", Assert.Single(answer.Answers.TxtRecords()).DomainName.Value);
    }

    [Fact]
    public async Task A_CNAME_without_a_target_is_NXDOMAIN()
    {
        _zone.Set("a.example.com", DnsRecord.Cname("gone.example.com"));

        var answer = await Ask("a.example.com", QueryType.A);

        Assert.Equal(DnsHeaderResponseCode.NotExistentDomain, answer.Header.ResponseCode);
        Assert.Single(answer.Answers.CnameRecords());
    }

    [Fact]
    public async Task A_loop_of_CNAMEs_ends()
    {
        _zone.Set("a.example.com", DnsRecord.Cname("b.example.com"));
        _zone.Set("b.example.com", DnsRecord.Cname("a.example.com"));
        _zone.Behave("c.example.com", DnsBehaviour.CnameLoop);

        Assert.Equal(2, (await Ask("a.example.com", QueryType.A)).Answers.CnameRecords().Count());
        Assert.Equal("c.example.com.", Assert.Single((await Ask("c.example.com", QueryType.A)).Answers.CnameRecords()).CanonicalName.Value);
    }

    [Theory]
    [InlineData(DnsBehaviour.ServerFailure, DnsHeaderResponseCode.ServerFailure)]
    [InlineData(DnsBehaviour.Refused, DnsHeaderResponseCode.Refused)]
    public async Task A_behaviour_is_set_and_removed_at_run_time(DnsBehaviour behaviour, DnsHeaderResponseCode expected)
    {
        _zone.Set("a.example.com", DnsRecord.Txt("x"));
        _zone.Behave("a.example.com", behaviour);
        Assert.Equal(expected, (await Ask("a.example.com", QueryType.TXT)).Header.ResponseCode);

        _zone.Behave("a.example.com", DnsBehaviour.Normal);
        Assert.Single((await Ask("a.example.com", QueryType.TXT)).Answers);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_silent_name_times_out(bool tcp)
    {
        _zone.Behave("a.example.com", DnsBehaviour.Silent);
        var client = Client(options =>
        {
            options.UseTcpOnly = tcp;
            options.Timeout = TimeSpan.FromMilliseconds(100);
        });

        await Assert.ThrowsAsync<DnsResponseException>(() => client.QueryAsync("a.example.com", QueryType.A, cancellationToken: Cancellation));
        Assert.True(_zone.QuestionsFor("a.example.com", DnsRecordType.A) >= 1);
    }

    [Fact]
    public async Task A_truncated_answer_is_retried_over_TCP()
    {
        _zone.Set("a.example.com", DnsRecord.Txt("x"));
        _zone.Behave("a.example.com", DnsBehaviour.TruncatedOverUdp);

        Assert.True(IsTruncated(await SendAsync(Query("a.example.com", DnsRecordType.Txt))));
        Assert.Single((await Ask("a.example.com", QueryType.TXT)).Answers.TxtRecords());
        Assert.Equal(3, _zone.QuestionsFor("a.example.com", DnsRecordType.Txt));
    }

    [Theory]
    [InlineData(100, 4, true)] // 512 is the minimum, whatever a client announces
    [InlineData(512, 4, true)]
    [InlineData(512, 5, false)]
    [InlineData(1232, 11, true)]
    [InlineData(1232, 12, false)]
    [InlineData(4096, 12, false)] // never more than what no network fragments
    public async Task An_answer_larger_than_the_client_accepts_is_truncated(int room, int records, bool fits)
    {
        _zone.Set("a.example.com", [.. Enumerable.Range(0, records).Select(n => DnsRecord.Txt($"{n:D90}"))]);
        byte[] opt = [0, 0, 41, (byte)(room >> 8), (byte)room, 0, 0, 0, 0, 0, 0];

        var direct = await SendAsync([.. Query("a.example.com", DnsRecordType.Txt, additional: 1), .. opt]);

        Assert.Equal(!fits, IsTruncated(direct));
        Assert.Equal(fits ? records : 0, UInt16(direct, 6));
        Assert.Equal(records, (await Ask("a.example.com", QueryType.TXT)).Answers.Count);
    }

    [Fact]
    public async Task A_client_without_EDNS_gets_no_more_than_512_bytes()
    {
        _zone.Set("a.example.com", [.. Enumerable.Range(0, 5).Select(n => DnsRecord.Txt($"{n:D90}"))]);

        Assert.True(IsTruncated(await SendAsync(Query("a.example.com", DnsRecordType.Txt))));
    }

    [Fact]
    public async Task A_change_applies_to_the_next_question()
    {
        _zone.Set("a.example.com", DnsRecord.Txt("old"), DnsRecord.Address(IPAddress.Loopback));
        _zone.Set("a.example.com", DnsRecord.Txt("new"));
        Assert.Equal(["new"], (await Ask("a.example.com", QueryType.TXT)).Answers.TxtRecords().Single().Text);
        Assert.Single((await Ask("a.example.com", QueryType.A)).Answers);

        _zone.Remove("a.example.com", DnsRecordType.Txt);
        Assert.Equal(DnsHeaderResponseCode.NoError, (await Ask("a.example.com", QueryType.TXT)).Header.ResponseCode);

        _zone.Set("a.example.com", DnsRecord.Cname("b.example.com"));
        Assert.Empty((await Ask("a.example.com", QueryType.A)).Answers.ARecords());

        _zone.Remove("a.example.com");
        Assert.Equal(DnsHeaderResponseCode.NotExistentDomain, (await Ask("a.example.com", QueryType.A)).Header.ResponseCode);
    }

    [Fact]
    public async Task Questions_are_counted_without_regard_to_case()
    {
        await Ask("A.Example.COM", QueryType.A);
        await Ask("a.example.com.", QueryType.A);
        await Ask("a.example.com", QueryType.AAAA);

        Assert.Equal(2, _zone.QuestionsFor("a.EXAMPLE.com", DnsRecordType.A));
        Assert.Equal(3, _zone.QuestionCount);
    }

    [Fact]
    public async Task A_question_is_returned_in_its_own_case()
    {
        var response = await SendAsync(Query("eXaMpLe.CoM", DnsRecordType.Ns));

        Assert.Equal("eXaMpLe", Encoding.ASCII.GetString(response, 13, 7));
        Assert.Equal(1, UInt16(response, 6));
    }

    [Theory]
    [InlineData("another opcode", 2, 0x10, 4)]
    [InlineData("two questions", 5, 0x02, 1)]
    [InlineData("an answer in the question", 7, 0x01, 1)]
    [InlineData("a name that runs out of the message", 12, 0x3F, 1)]
    [InlineData("a compressed name", 12, 0xC0, 1)]
    [InlineData("another class", 28, 0x03, 5)]
    public async Task An_invalid_query_gets_an_error(string what, int at, byte value, int expected)
    {
        var query = Query("example.com", DnsRecordType.Ns);
        query[at] = value;

        var response = await SendAsync(query);

        Assert.Equal((what, expected), (what, response[3] & 0xF));
    }

    [Fact]
    public async Task An_unknown_EDNS_version_is_BADVERS_and_a_known_one_echoes_DO()
    {
        var newer = await SendAsync([.. Query("example.com", DnsRecordType.Ns, additional: 1), 0, 0, 41, 4, 208, 0, 1, 0x80, 0, 0, 0]);
        var known = await SendAsync([.. Query("example.com", DnsRecordType.Ns, additional: 1), 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]);

        Assert.Equal([0, 0, 41, 4, 208, 1, 0, 0x80, 0, 0, 0], newer[^11..]);
        Assert.Equal([0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0], known[^11..]);
    }

    [Fact]
    public async Task No_bytes_over_UDP_stop_the_server()
    {
        using var socket = new UdpClient();
        socket.Connect(_server.EndPoint);
        var query = Query("example.com", DnsRecordType.Ns, additional: 1);
        Gen.Select(Gen.Int[0, query.Length - 1], Gen.Byte, Gen.Byte.Array[0, 600]).Sample(
            (at, value, tail) =>
            {
                byte[] changed = [.. query, .. tail];
                changed[at] = value;
                socket.Send(changed);
                socket.Send(tail);
            },
            iter: 50);

        Assert.Single((await Ask("example.com", QueryType.NS)).Answers);
    }

    [Fact]
    public async Task A_connection_carries_several_questions_and_its_garbage_harms_no_other()
    {
        using var good = new TcpClient();
        await good.ConnectAsync(_server.EndPoint, Cancellation);
        using var bad = new TcpClient();
        await bad.ConnectAsync(_server.EndPoint, Cancellation);

        await bad.GetStream().WriteAsync(new byte[] { 0xFF, 0xFF, 1, 2, 3 }, Cancellation);
        Assert.Equal(0, await ReadOrEnd(bad.GetStream(), new byte[1]));

        for (var n = 0; n < 2; n++)
        {
            var query = Query("example.com", DnsRecordType.Ns);
            await good.GetStream().WriteAsync((byte[])[0, (byte)query.Length, .. query], Cancellation);
            var length = new byte[2];
            await good.GetStream().ReadExactlyAsync(length, Cancellation);
            var response = new byte[UInt16(length, 0)];
            await good.GetStream().ReadExactlyAsync(response, Cancellation);
            Assert.Equal(1, UInt16(response, 6));
        }
    }

    [Theory]
    [InlineData("two..dots")]
    [InlineData("a123456789012345678901234567890123456789012345678901234567890123.example")]
    [InlineData("bücher.example")]
    public void A_name_that_does_not_fit_into_a_message_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => DnsRecord.Cname(name));

    [Fact]
    public void A_string_that_does_not_fit_into_a_record_is_refused() =>
        Assert.Throws<ArgumentException>(() => DnsRecord.Txt(new string('x', 256)));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task<int> ReadOrEnd(NetworkStream stream, byte[] buffer)
    {
        try
        {
            return await stream.ReadAsync(buffer, Cancellation);
        }
        catch (IOException)
        {
            return 0; // A reset is an end too.
        }
    }

    private static int UInt16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at));

    private static bool IsTruncated(byte[] response) => (response[2] & 0x02) != 0;

    private static byte[] Query(string name, DnsRecordType type, byte additional = 0) =>
    [
        0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, additional,
        .. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0,
        (byte)((int)type >> 8), (byte)type, 0, 1,
    ];

    private async Task<byte[]> SendAsync(byte[] query)
    {
        using var socket = new UdpClient();
        socket.Connect(_server.EndPoint);
        await socket.SendAsync(query, Cancellation);
        return (await socket.ReceiveAsync(Cancellation)).Buffer;
    }

    private Task<IDnsQueryResponse> Ask(string name, QueryType type) => Client().QueryAsync(name, type, cancellationToken: Cancellation);

    private LookupClient Client(Action<LookupClientOptions>? configure = null)
    {
        var options = new LookupClientOptions(_server.EndPoint) { UseCache = false, Retries = 0, Timeout = TimeSpan.FromMinutes(1) };
        configure?.Invoke(options);
        return new LookupClient(options);
    }
}
