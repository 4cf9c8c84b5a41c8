using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.RegularExpressions;
using CsCheck;
using DnsClient;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.Local.Lab;

public sealed class CommandsTests : IAsyncLifetime
{
    private const string Name = "mx2.example.com";

    private readonly FakeTimeProvider _time = new(new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private MailLab _lab = null!;
    private Commands _commands = null!;

    private MxHost Host => _lab.Mx(Name);

    private TimeSpan Left => Host.Certificate.Leaf.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime;

    public async ValueTask InitializeAsync()
    {
        _lab = await MailLab.StartAsync(_time, TestContext.Current.CancellationToken);
        _lab.Add(LabDomains.Typical);
        _commands = new Commands(_lab, _time);
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public void Expire_and_renew_change_the_certificate()
    {
        Assert.Contains("expired yesterday", _commands.Execute($"expire {Name}").Text, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromDays(-1), Left);

        Assert.Contains("in 9 days", _commands.Execute($"expire {Name} 9").Text, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromDays(9.5), Left);

        Assert.Contains("90 days", _commands.Execute($"renew {Name}").Text, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromDays(90), Left);
    }

    [Fact]
    public void Wrong_name_and_renew_change_its_names()
    {
        _commands.Execute($"wrong-name {Name}");
        Assert.False(Host.Certificate.Leaf.MatchesHostname(Name));

        _commands.Execute($"renew {Name}");
        Assert.True(Host.Certificate.Leaf.MatchesHostname(Name));
    }

    [Fact]
    public void Plain_and_starttls_change_what_is_offered()
    {
        _commands.Execute($"plain {Name}");
        Assert.False(Host.Script.OffersStartTls);

        _commands.Execute($"  STARTTLS   {Name.ToUpperInvariant()}. ");
        Assert.True(Host.Script.OffersStartTls);
    }

    [Fact]
    public void Stop_and_start_change_whether_it_listens()
    {
        _commands.Execute($"stop {Name}");
        Assert.False(Host.Servers[0].IsListening);

        Assert.Contains(Host.Servers[0].EndPoint.ToString(), _commands.Execute($"start {Name}").Text, StringComparison.Ordinal);
        Assert.True(Host.Servers[0].IsListening);
    }

    [Fact]
    public void Hosts_shows_the_state_of_each_host()
    {
        _commands.Execute("stop mx1.example.com");
        _commands.Execute($"expire {Name}");

        var lines = _commands.Execute("hosts").Text.Split(Environment.NewLine);

        Assert.Equal(_lab.Hosts.Count, lines.Length);
        Assert.Single(lines, line => Regex.IsMatch(line, @"^mx1\.example\.com +127\.0\.1\.\d+:\d+ +down +STARTTLS +mx1\.example\.com, 90 days left$"));
        Assert.Single(lines, line => Regex.IsMatch(line, @"^mx2\.example\.com .* up +STARTTLS .*, expired$"));
        Assert.Single(lines, line => Regex.IsMatch(line, @"^mx\.plain\.example .* up +plain "));
    }

    [Fact]
    public void Expire_leaves_a_lifetime_of_days_and_a_certificate_that_is_already_valid()
    {
        _commands.Execute($"expire {Name} 400");

        Assert.Equal(TimeSpan.FromDays(400.5), Left);
        Assert.True(Host.Certificate.Leaf.NotBefore.ToUniversalTime() < _time.GetUtcNow().UtcDateTime);
    }

    public static TheoryData<string, Func<CertificateSpec, bool>> Certificates => new()
    {
        { "self-signed", spec => spec.Signer == CertificateSigner.Itself },
        { "untrusted", spec => spec.Signer == CertificateSigner.UntrustedCa },
        { "no-intermediate", spec => spec.Sends == SentChain.LeafOnly },
        { "misordered", spec => spec.Sends == SentChain.Misordered },
        { "wrong-name", spec => spec.DnsNames is ["mail.somewhere-else.example"] },
        { "expire", spec => spec.NotAfterFromNow < TimeSpan.Zero },
    };

    [Theory]
    [MemberData(nameof(Certificates))]
    public void A_certificate_is_broken_at_a_host_or_at_one_address_or_for_one_kind_of_key_and_renewed(string verb, Func<CertificateSpec, bool> isBroken)
    {
        Done($"addresses {Name} ipv4 ipv4");
        var (first, second) = (Host.Servers[0], Host.Servers[1]);

        Assert.Contains($"`renew {Name}` fixes it", Done($"{verb} {Name}"), StringComparison.Ordinal);
        Assert.All(Host.Servers, server => Assert.True(isBroken(server.Certificate.Spec)));
        Done($"renew {Name}");
        Assert.All(Host.Servers, server => Assert.False(isBroken(server.Certificate.Spec)));

        Assert.Contains($"{Name} ({second.EndPoint.Address})", Done($"{verb} {second.EndPoint.Address}"), StringComparison.Ordinal);
        Assert.Equal((false, true), (isBroken(first.Certificate.Spec), isBroken(second.Certificate.Spec)));

        Done($"keys {Name} both");
        Done($"{verb} {Name} rsa");
        Assert.All(Host.Servers, server => Assert.Equal(
            [(KeyKind.Ecdsa, false), (KeyKind.Rsa, true)],
            server.Certificates.Select(certificate => (certificate.Spec.Key, isBroken(certificate.Spec)))));
        Done($"renew {Name} rsa");
        Assert.All(Host.Servers.SelectMany(server => server.Certificates), certificate => Assert.False(isBroken(certificate.Spec)));
    }

    [Theory]
    [InlineData("ecdsa", KeyKind.Ecdsa)]
    [InlineData("rsa", KeyKind.Rsa)]
    [InlineData("both", KeyKind.Ecdsa, KeyKind.Rsa)]
    public void Keys_chooses_the_kinds_of_key_and_the_other_commands_retain_them(string which, params KeyKind[] expected)
    {
        Done($"keys {Name} {which}");
        Done($"wrong-name {Name}");

        Assert.Equal(expected, Host.Certificates.Select(certificate => certificate.Spec.Key));
        Assert.All(Host.Certificates, certificate => Assert.False(certificate.Leaf.MatchesHostname(Name)));
    }

    [Fact]
    public void A_kind_of_key_that_a_host_does_not_have_gives_an_error_that_says_how_to_get_it() =>
        Assert.Equal(new(false, $"{Name} has no certificate with such a key: `keys {Name} both` gives it one of each kind."), _commands.Execute($"expire {Name} rsa"));

    public static TheoryData<string, SmtpScript, string> Scripts => new()
    {
        { "plain HOST", SmtpScript.Plain, "starttls HOST" },
        { "refuse HOST", SmtpScript.RefusesStartTls, "starttls HOST" },
        { "inject HOST", SmtpScript.Injected, "starttls HOST" },
        { "tls HOST 1.2", SmtpScript.Good with { Protocols = SslProtocols.Tls12 }, "tls HOST any" },
        { "tls HOST 1.3", SmtpScript.Good with { Protocols = SslProtocols.Tls13 }, "tls HOST any" },
        { "tls HOST old", SmtpScript.OldTls, "tls HOST any" },
        { "turn-away HOST", SmtpScript.Rejects, "fix HOST" },
        { "drip HOST", SmtpScript.Good with { OneByteAtATime = true }, "fix HOST" },
        { "hang HOST", SmtpScript.HangsAt(SmtpStage.Banner), "fix HOST" },
        { "hang HOST handshake", SmtpScript.HangsAt(SmtpStage.Handshake), "fix HOST" },
        { "flood HOST ehlo", SmtpScript.FloodsAt(SmtpStage.Ehlo), "fix HOST" },
        { "flood HOST inside", SmtpScript.FloodsAt(SmtpStage.EhloInTls), "fix HOST" },
        { "cut HOST starttls", SmtpScript.CutsOffAt(SmtpStage.StartTls), "fix HOST" },
        { "cut HOST data", SmtpScript.CutsOffAt(SmtpStage.Data), "fix HOST" },
    };

    [Theory]
    [MemberData(nameof(Scripts))]
    public void A_mail_servers_dialogue_is_broken_and_fixed_by_the_command_in_the_answer(string line, SmtpScript expected, string fix)
    {
        fix = fix.Replace("HOST", Name, StringComparison.Ordinal);

        Assert.Contains($"`{fix}` fixes it", Done(line.Replace("HOST", Name, StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(expected, Host.Script);

        Done(fix);
        Assert.Equal(SmtpScript.Good, Host.Script);
    }

    [Fact]
    public void Two_faults_of_one_server_coexist_and_are_fixed_together()
    {
        Done($"tls {Name} 1.2");
        Done($"hang {Name} inside");
        Done($"tls {Name} any");
        Assert.Equal(SmtpScript.HangsAt(SmtpStage.EhloInTls), Host.Script);

        Done($"drip {Name}");
        Done($"expire {Name}");
        Done($"stop {Name}");
        Assert.Equal($"Fixed: {Name}.", Done($"fix {Name}"));
        Assert.Equal((SmtpScript.Good, TimeSpan.FromDays(90), true), (Host.Script, Left, Host.Servers[0].IsListening));
    }

    [Fact]
    public async Task One_of_two_addresses_is_stopped_and_started()
    {
        Done($"addresses {Name} ipv4 ipv4");
        var second = Host.Servers[1].EndPoint;

        Done($"stop {second.Address}");
        Assert.Equal([true, false], Host.Servers.Select(server => server.IsListening));
        await Assert.ThrowsAsync<SocketException>(() => SmtpConnection.ConnectAsync(second, Cancellation));

        Done($"start {second.Address}");
        await using var connection = await SmtpConnection.ConnectAsync(second, Cancellation);
    }

    [Fact]
    public async Task Addresses_moves_a_host()
    {
        Assert.Matches(@"mx2\.example\.com is at ::1, 127\.0\.1\.\d+, where nothing listens\.", Done($"addresses {Name} ipv6 dead"));
        Assert.Single((await Ask(Name, QueryType.AAAA)).Answers);

        var refused = _commands.Execute("addresses mx1.example.com ipv6");
        Assert.Equal((false, true), (refused.IsDone, refused.Text.Contains($"{Name} has it", StringComparison.Ordinal)));

        Done($"addresses {Name} ipv4");
        Assert.Empty((await Ask(Name, QueryType.AAAA)).Answers);
    }

    [Theory]
    [InlineData("fail", DnsBehaviour.ServerFailure)]
    [InlineData("refuse", DnsBehaviour.Refused)]
    [InlineData("silent", DnsBehaviour.Silent)]
    [InlineData("truncate", DnsBehaviour.TruncatedOverUdp)]
    [InlineData("loop", DnsBehaviour.CnameLoop)]
    public void Any_name_in_DNS_is_broken_and_fixed(string how, DnsBehaviour expected)
    {
        const string name = "_mta-sts.example.com";
        Assert.Contains($"`dns {name} normal` fixes it", Done($"dns {name} {how}"), StringComparison.Ordinal);
        Assert.Equal([(name, expected)], _lab.Zone.Behaviours);
        Assert.StartsWith($"{name} is", Done("dns"), StringComparison.Ordinal);

        Done($"dns {name} normal");
        Assert.Empty(_lab.Zone.Behaviours);
        Assert.Equal("Every name is answered from its records.", Done("dns"));

        Done($"dns {name} {how}");
        Done($"fix {name}");
        Assert.Empty(_lab.Zone.Behaviours);
    }

    [Theory]
    [InlineData("twice", 2)]
    [InlineData("malformed", 1)]
    [InlineData("outdated", 1)]
    [InlineData("missing", 0)]
    [InlineData("delegated", 1)]
    public async Task An_MTA_STS_record_is_broken_and_fixed(string how, int records)
    {
        var good = await Texts();

        Assert.Contains("`sts example.com good` fixes it", Done($"sts example.com {how}"), StringComparison.Ordinal);
        var broken = await Ask("_mta-sts.example.com", QueryType.TXT);
        Assert.Equal((records, how == "delegated" ? 1 : 0), (broken.Answers.TxtRecords().Count(), broken.Answers.CnameRecords().Count()));
        if (how != "delegated")
        {
            Assert.NotEqual(good, await Texts());
        }

        Done("sts example.com good");
        Assert.Equal(good, await Texts());
        Assert.Empty((await Ask("_mta-sts.example.com", QueryType.TXT)).Answers.CnameRecords());
    }

    [Fact]
    public async Task MX_records_become_null_or_implicit_and_are_fixed()
    {
        Assert.Contains("`mx example.com listed` fixes it", Done("mx example.com null"), StringComparison.Ordinal);
        Assert.Equal(".", Assert.Single((await Ask("example.com", QueryType.MX)).Answers.MxRecords()).Exchange.Value);

        Assert.Contains("127.0.1.", Done("mx example.com implicit"), StringComparison.Ordinal);
        Assert.Empty((await Ask("example.com", QueryType.MX)).Answers);
        Assert.Single((await Ask("example.com", QueryType.A)).Answers);

        Done("mx example.com listed");
        Assert.Equal(2, (await Ask("example.com", QueryType.MX)).Answers.Count);
    }

    [Fact]
    public async Task An_MX_host_becomes_an_alias_and_is_fixed()
    {
        Assert.Contains($"`fix {Name}` fixes it", Done($"alias {Name}"), StringComparison.Ordinal);
        Assert.Single((await Ask(Name, QueryType.A)).Answers.CnameRecords());

        Done($"fix {Name}");
        Assert.Empty((await Ask(Name, QueryType.A)).Answers.CnameRecords());
    }

    [Theory]
    [InlineData("good")]
    [InlineData("redirect")]
    [InlineData("redirect 307")]
    [InlineData("slow")]
    [InlineData("silent")]
    [InlineData("wrong-type")]
    [InlineData("no-type")]
    [InlineData("missing")]
    [InlineData("broken")]
    [InlineData("oversize")]
    [InlineData("flood")]
    [InlineData("cut-off")]
    [InlineData("differs")]
    public async Task A_policy_is_taken_from_the_app_broken_and_given_back(string how)
    {
        Assert.Contains("`policy example.com app` moves it back", Done($"policy example.com {how}"), StringComparison.Ordinal);
        var host = _lab.PolicyHostOf("example.com");
        Assert.Equal(how == "good", host.Script == PolicyScript.Good);
        Assert.Equal(how.EndsWith("307", StringComparison.Ordinal) ? 307 : how == "redirect" ? 302 : host.Script.Status, host.Script.Status);
        Assert.Equal(host.EndPoint.Address, Assert.Single((await Ask("mta-sts.example.com", QueryType.A)).Answers.ARecords()).Address);

        Done("policy example.com app");
        Assert.Equal(IPAddress.Loopback, Assert.Single((await Ask("mta-sts.example.com", QueryType.A)).Answers.ARecords()).Address);
        Assert.Empty(_lab.PolicyHosts);
        Assert.False(host.IsListening);
    }

    [Fact]
    public void A_policy_host_is_stopped_started_and_shown_with_its_certificate()
    {
        Done("expire mta-sts.example.com");
        var host = _lab.PolicyHostOf("example.com");
        Assert.True(host.Certificate.Spec.NotAfterFromNow < TimeSpan.Zero);
        Done("policy example.com missing");
        Done("stop mta-sts.example.com");
        Assert.Matches(@"(?m)^mta-sts\.example\.com +127\.0\.128\.\d+:\d+ +down +HTTPS +mta-sts\.example\.com, expired; status 404\r?$", Done("hosts"));

        Done("fix mta-sts.example.com");
        Assert.Matches(@"(?m)^mta-sts\.example\.com .* up +HTTPS +mta-sts\.example\.com, 90 days left\r?$", Done("hosts"));
        Assert.Equal(host, _lab.PolicyHostOf("example.com"));

        var refused = _commands.Execute("keys mta-sts.example.com both");
        Assert.Equal((false, true), (refused.IsDone, refused.Text.StartsWith("A policy host has one certificate", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_domain_is_fixed_with_everything_of_its_own_and_no_other_domain_is()
    {
        foreach (var line in new[] { "mx example.com null", "sts example.com twice", "policy example.com broken", "dns _smtp._tls.example.com fail", $"alias {Name}", $"cut {Name}", "stop mx1.example.com", "plain mx1.uncovered.example", "dns uncovered.example fail" })
        {
            Done(line);
        }

        Assert.Equal(
            "Fixed: the records of example.com, mx1.example.com, mx2.example.com, DNS for _smtp._tls.example.com.",
            Done("fix example.com"));

        Assert.Equal([("uncovered.example", DnsBehaviour.ServerFailure)], _lab.Zone.Behaviours);
        Assert.Equal(2, (await Ask("example.com", QueryType.MX)).Answers.Count);
        Assert.Single(await Texts());
        Assert.Empty(_lab.PolicyHosts);
        Assert.Empty((await Ask(Name, QueryType.A)).Answers.CnameRecords());
        Assert.Equal(SmtpScript.Good, Host.Script);
        Assert.True(_lab.Mx("mx1.example.com").Servers[0].IsListening);
        Assert.False(_lab.Mx("mx1.uncovered.example").Script.OffersStartTls);
    }

    [Fact]
    public async Task Heard_shows_the_commands_of_clients()
    {
        Assert.Equal($"No client has sent anything to {Name} yet.", Done($"heard {Name}"));
        await using var connection = await SmtpConnection.ConnectAsync(Host.Servers[0].EndPoint, Cancellation);
        await connection.ReplyAsync(Cancellation);
        await connection.AskAsync("EHLO probe.example", Cancellation);

        Assert.Equal($"{Host.Servers[0].EndPoint.Address}  EHLO probe.example", Done($"heard {Name}"));
    }

    [Fact]
    public void A_policy_host_of_the_app_gives_an_error_that_says_how_to_take_it()
    {
        Assert.EndsWith("`policy example.com good` moves it into the mail lab.", _commands.Execute("heard mta-sts.example.com").Text, StringComparison.Ordinal);

        Done("policy example.com good");
        Assert.Equal("No client has sent anything to mta-sts.example.com yet.", Done("heard mta-sts.example.com"));
    }

    [Fact]
    public void Hosts_shows_what_is_unusual()
    {
        foreach (var line in new[] { $"keys {Name} both", $"expire {Name} rsa", $"self-signed {Name} ecdsa", $"drip {Name}", $"hang {Name} ehlo", $"tls {Name} 1.2" })
        {
            Done(line);
        }

        Assert.Matches(@"(?m)^mx2\.example\.com .* mx2\.example\.com, 90 days left, self-signed; mx2\.example\.com, expired, RSA; TLS 1\.2 only; one byte at a time; Hang at Ehlo\r?$", Done("hosts"));
    }

    [Fact]
    public void Help_lists_every_command()
    {
        var help = _commands.Execute("help").Text;

        foreach (var verb in new[]
        {
            "expire", "renew", "wrong-name", "self-signed", "untrusted", "no-intermediate", "misordered", "keys", "plain", "refuse", "inject", "starttls", "tls", "turn-away", "drip", "hang",
            "flood", "cut", "dns", "sts", "mx", "alias", "addresses", "policy", "stop", "start", "fix", "hosts", "heard", "help",
        })
        {
            Assert.Matches($@"(?m)^{verb} .*[a-z]", help);
        }

        Assert.Equal(5 + 30, help.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("explode", "There is no command `explode`. Type `help` for the list.")]
    [InlineData("stop", "Usage: `stop HOST`: nothing listens there any more.")]
    [InlineData("stop a b", "Usage: `stop HOST`: nothing listens there any more.")]
    [InlineData("hosts now", "Usage: `hosts`: every server and its state.")]
    [InlineData("expire mx1.example.com -3", "Usage: `expire HOST [DAYS] [KEY]`: its certificate expired yesterday, or expires in so many days.")]
    [InlineData("expire mx1.example.com 99999999999", "Usage: `expire HOST [DAYS] [KEY]`: its certificate expired yesterday, or expires in so many days.")]
    [InlineData("expire mx1.example.com 3 dsa", "Usage: `expire HOST [DAYS] [KEY]`: its certificate expired yesterday, or expires in so many days.")]
    [InlineData("keys mx1.example.com dsa", "Usage: `keys HOST ecdsa|rsa|both`: good certificates with keys of these kinds; of both, clients get the first that they can use.")]
    [InlineData("tls mx1.example.com 1.1", "Usage: `tls HOST 1.2|1.3|old|any`: the TLS versions that it takes; old is 1.1 and older.")]
    [InlineData("hang mx1.example.com later", "Usage: `hang HOST [STAGE]`: it stops answering, at the banner or a later stage.")]
    [InlineData("dns example.com", "Usage: `dns [NAME HOW]`: how questions for a name are answered: normal, fail, refuse, silent, truncate, loop; without arguments, the names with a fault.")]
    [InlineData("sts example.com bad", "Usage: `sts DOMAIN HOW`: its MTA-STS record is good, missing, twice, malformed, outdated, delegated.")]
    [InlineData("mx example.com none", "Usage: `mx DOMAIN HOW`: its MX records: listed, null (it takes no mail), or implicit (it has none).")]
    [InlineData("addresses mx1.example.com", "Usage: `addresses HOST KIND...`: new addresses for an MX host: ipv4, ipv6, dead (nothing listens there), one or more.")]
    [InlineData("policy example.com redirect 200", "Usage: `policy DOMAIN HOW [STATUS]`: its policy is served by the app (app), or by the mail lab: good, redirect, slow, silent, wrong-type, no-type, missing, broken, oversize, flood, cut-off, differs; STATUS is of a redirect, 301 to 308.")]
    [InlineData("policy example.com slow 302", "Usage: `policy DOMAIN HOW [STATUS]`: its policy is served by the app (app), or by the mail lab: good, redirect, slow, silent, wrong-type, no-type, missing, broken, oversize, flood, cut-off, differs; STATUS is of a redirect, 301 to 308.")]
    public void An_unknown_command_gives_an_error_with_the_usage(string line, string expected) =>
        Assert.Equal(new(expected.Length == 0, expected), _commands.Execute(line));

    [Theory]
    [InlineData("plain mx9.example.com", "There is no MX host 'mx9.example.com' here. There are: mx.expiring.example")]
    [InlineData("expire 127.0.9.9", "There is no MX host '127.0.9.9' here. There are: mx.expiring.example")]
    [InlineData("plain mta-sts.example.com", "There is no MX host 'mta-sts.example.com' here.")]
    [InlineData("expire mta-sts.nobody.example", "There is no MX host 'mta-sts.nobody.example' here.")]
    [InlineData("alias mx9.example.com", "There is no MX host 'mx9.example.com' here.")]
    [InlineData("addresses mx9.example.com ipv4", "There is no MX host 'mx9.example.com' here.")]
    [InlineData("heard mx9.example.com", "There is no MX host 'mx9.example.com' here.")]
    [InlineData("sts nobody.example twice", "There is no domain 'nobody.example' here: add it first. There are: example.com, ")]
    [InlineData("mx nobody.example null", "There is no domain 'nobody.example' here")]
    [InlineData("policy nobody.example slow", "There is no domain 'nobody.example' here")]
    [InlineData("policy nobody.example app", "There is no domain 'nobody.example' here")]
    [InlineData("dns nobody.example fail", "There is no name 'nobody.example' in this DNS. For a domain there are DOMAIN, _mta-sts.DOMAIN")]
    [InlineData("fix nobody.example", "There is nothing to fix at 'nobody.example': `hosts` lists the servers")]
    public void An_unknown_name_gives_an_error_with_the_known_ones(string line, string expected)
    {
        var answer = _commands.Execute(line);

        Assert.False(answer.IsDone);
        Assert.StartsWith(expected, answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void No_command_line_throws()
    {
        string[] words = ["expire", "fix", "dns", "sts", "mx", "addresses", "policy", "keys", "tls", "cut", "heard", "example.com", Name, "mta-sts.example.com", "127.0.1.1", "::1", "null", "rsa", "9", "ipv4", "..", "ü", "\0"];
        Gen.OneOf<string>(words).Array[1, 5].Sample(line => Assert.NotNull(_commands.Execute(string.Join(' ', line)).Text), iter: 200, threads: 1);
        Assert.False(_commands.Execute(new string('x', 1_001)).IsDone);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Done(string line)
    {
        var answer = _commands.Execute(line);
        Assert.True(answer.IsDone, answer.Text);
        return answer.Text;
    }

    private async Task<IReadOnlyList<string>> Texts() =>
        [.. (await Ask("_mta-sts.example.com", QueryType.TXT)).Answers.TxtRecords().Select(txt => string.Concat(txt.Text))];

    private Task<IDnsQueryResponse> Ask(string name, QueryType type) =>
        new LookupClient(new LookupClientOptions(_lab.Dns) { UseCache = false }).QueryAsync(name, type, cancellationToken: Cancellation);
}
