using System.Text.RegularExpressions;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.MailInternet;
using Xunit;
using Internet = StsFunctions.Local.MailInternet.MailInternet;

namespace StsFunctions.Tests.Local.MailInternetTests;

public sealed class CommandsTests : IAsyncLifetime
{
    private const string Name = "mx2.example.com";

    private readonly FakeTimeProvider _time = new(new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private Internet _internet = null!;
    private Commands _commands = null!;

    private MxHost Host => _internet.Mx(Name);

    private TimeSpan Left => Host.Certificate.Leaf.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime;

    public async ValueTask InitializeAsync()
    {
        _internet = await Internet.StartAsync(_time, TestContext.Current.CancellationToken);
        _internet.Add(LabDomains.Everyday);
        _commands = new Commands(_internet, _time);
    }

    public ValueTask DisposeAsync() => _internet.DisposeAsync();

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
    public void Hosts_shows_how_each_one_is()
    {
        _commands.Execute("stop mx1.example.com");
        _commands.Execute($"expire {Name}");

        var lines = _commands.Execute("hosts").Text.Split(Environment.NewLine);

        Assert.Equal(_internet.Hosts.Count, lines.Length);
        Assert.Single(lines, line => Regex.IsMatch(line, @"^mx1\.example\.com +127\.0\.1\.\d+:\d+ +down +STARTTLS +mx1\.example\.com, 90 days left$"));
        Assert.Single(lines, line => Regex.IsMatch(line, @"^mx2\.example\.com .* up +STARTTLS .*, expired$"));
        Assert.Single(lines, line => Regex.IsMatch(line, @"^mx\.plain\.example .* up +plain "));
    }

    [Fact]
    public void Help_lists_every_command()
    {
        var help = _commands.Execute("help").Text;

        foreach (var verb in new[] { "expire", "renew", "wrong-name", "plain", "starttls", "stop", "start", "hosts", "help" })
            Assert.Matches($@"(?m)^{verb} .*[a-z]", help);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("explode", "There is no command `explode`. Type `help` for what there is.")]
    [InlineData("stop", "Say `stop HOST`: nothing listens there any more.")]
    [InlineData("stop a b", "Say `stop HOST`: nothing listens there any more.")]
    [InlineData("expire mx1.example.com -3", "Say `expire HOST [DAYS]`: its certificate expired yesterday, or expires in so many days.")]
    [InlineData("expire mx1.example.com 99999999999", "Say `expire HOST [DAYS]`: its certificate expired yesterday, or expires in so many days.")]
    public void What_is_not_understood_is_answered_with_what_would_be(string line, string expected) =>
        Assert.Equal((expected, expected.Length == 0), (_commands.Execute(line).Text, _commands.Execute(line).IsDone));

    [Fact]
    public void An_unknown_host_is_answered_with_the_known_ones() =>
        Assert.StartsWith("There is no MX host 'mx9.example.com' here. There are: mx.expiring.example", _commands.Execute("plain mx9.example.com").Text, StringComparison.Ordinal);
}
