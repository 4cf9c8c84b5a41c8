using System.Net;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>
/// Dialogues with mail servers, replayed in memory. A file begins with what the session must end as: <c>outcome:</c>, <c>detail:</c>, and <c>in parts:</c> where the
/// outcome depends on how the octets arrive. The dialogue follows, <c>S: </c> before a line of the server and <c>C: </c> before a command.
/// </summary>
public sealed class ReplayedDialogueTests
{
    private const string Outcome = "outcome: ";
    private const string Detail = "detail: ";
    private const string InParts = "in parts: ";

    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Unit", "Checks", "Dialogues");

    private static readonly SmtpProbe Probe = new(new EgressGuard(new EgressOptions()), new CheckOptions(), "probe.example.net", new FakeTimeProvider(TestObservations.At));

    public static IEnumerable<TheoryDataRow<string, Arrival>> Dialogues =>
        from file in Directory.GetFiles(Folder).Order(StringComparer.Ordinal)
        from arrival in Enum.GetValues<Arrival>()
        select new TheoryDataRow<string, Arrival>(Path.GetFileNameWithoutExtension(file), arrival);

    [Theory]
    [MemberData(nameof(Dialogues))]
    [Trait("Conformance", "MX-9")]
    public async Task A_dialogue_ends_as_recorded_however_its_octets_arrive(string name, Arrival arrival)
    {
        var lines = await File.ReadAllLinesAsync(Path.Combine(Folder, $"{name}.txt"), TestContext.Current.CancellationToken);
        var expected = ValueOf(lines, InParts) is { } inParts && arrival != Arrival.Whole ? (inParts, null) : (ValueOf(lines, Outcome)!, ValueOf(lines, Detail));
        await using var server = new ReplayedServerStream([.. lines.Where(line => line is ['S' or 'C', ':', ' ', ..])], arrival);

        var session = await Probe.RunSessionAsync(server, "mx1.example.com", IPAddress.Parse("192.0.2.1"), TestContext.Current.CancellationToken);

        Assert.Equal(expected.Item1, session.Outcome.ToString());
        if (expected.Item2 is { } detail)
        {
            Assert.Equal(detail, session.Detail);
        }

        // Whatever was recorded was said, but for what is left behind where the probe stops early.
        Assert.DoesNotContain(server.Rest, line => line[0] == 'C');
    }

    [Theory]
    [InlineData("postfix-without-tls")]
    [InlineData("exchange-tls-not-available")]
    public async Task What_is_recorded_of_a_session_is_the_same_however_its_octets_arrive(string name)
    {
        var sessions = new List<SmtpSession>();
        foreach (var arrival in Enum.GetValues<Arrival>())
        {
            var lines = await File.ReadAllLinesAsync(Path.Combine(Folder, $"{name}.txt"), TestContext.Current.CancellationToken);
            await using var server = new ReplayedServerStream([.. lines.Where(line => line is ['S' or 'C', ':', ' ', ..])], arrival);
            sessions.Add(await Probe.RunSessionAsync(server, "mx1.example.com", IPAddress.Parse("192.0.2.1"), TestContext.Current.CancellationToken));
        }

        Assert.All(sessions, session =>
        {
            Assert.Equal(sessions[0].Banner, session.Banner);
            Assert.Equal(sessions[0].Ehlo, session.Ehlo);
            Assert.Equal(sessions[0].StartTlsReply, session.StartTlsReply);
        });
        Assert.NotNull(sessions[0].Ehlo);
    }

    private static string? ValueOf(IEnumerable<string> lines, string header) =>
        lines.FirstOrDefault(line => line.StartsWith(header, StringComparison.Ordinal))?[header.Length..];
}
