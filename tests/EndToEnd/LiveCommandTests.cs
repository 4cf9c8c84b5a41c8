using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>What a person types while everything runs, here or in another terminal.</summary>
public sealed class LiveCommandTests(RunningSystem running, AppUnderTest app) : IClassFixture<RunningSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_domain_is_added_broken_checked_and_fixed_from_another_terminal()
    {
        using var commands = new InteractiveCommands(running.System, new Progress<string>());
        var folder = Directory.CreateTempSubdirectory("sts-live-").FullName;
        try
        {
            await using var control = await ControlEndpoint.StartAsync(folder, commands.ExecuteAsync, Cancellation);

            Assert.Matches(@"(?m)^policy-elsewhere\.example +No fault: another party", await DoneAsync("catalogue"));
            Assert.StartsWith("policy-elsewhere.example is hosted.", await DoneAsync("add policy-elsewhere.example"), StringComparison.Ordinal);
            Assert.DoesNotContain("policy-elsewhere.example", await DoneAsync("catalogue"), StringComparison.Ordinal);
            Assert.Contains("policy-elsewhere.example", await DoneAsync("list"), StringComparison.Ordinal);
            // Of others that were added there may be one.
            Assert.DoesNotContain("policy-elsewhere.example", await DoneAsync("check"), StringComparison.Ordinal);

            await DoneAsync("expire mx.hosting.example");
            // Other added domains share the host, and are notified too.
            Assert.Contains("mail  [critical] policy-elsewhere.example: mx.certificate.expired mx.hosting.example", await DoneAsync("check"), StringComparison.Ordinal);
            Assert.Contains("mx.certificate.expired", await DoneAsync("show policy-elsewhere.example"), StringComparison.Ordinal);
            await DoneAsync("fix mx.hosting.example");
            Assert.Contains("mail  [resolved] policy-elsewhere.example: mx.certificate.expired mx.hosting.example", await DoneAsync("check"), StringComparison.Ordinal);

            Assert.Matches(@"(?m)^check +check", await DoneAsync("help"));
            Assert.Matches(@"(?m)^expire HOST", await DoneAsync("help"));
            Assert.Contains("hosted already", await RefusedAsync("add policy-elsewhere.example"), StringComparison.Ordinal);
            Assert.Contains("The catalogue has no domain", await RefusedAsync("add nobody.example"), StringComparison.Ordinal);
            Assert.StartsWith("Usage: `show DOMAIN`", await RefusedAsync("show"), StringComparison.Ordinal);
            Assert.NotEqual("", await RefusedAsync("show nobody.example"));
            Assert.Contains("There is no command", await RefusedAsync("explode"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        async Task<string> DoneAsync(string line)
        {
            var (code, output, errors) = await DoAsync(line);
            Assert.Equal((0, ""), (code, errors));
            return output;
        }

        async Task<string> RefusedAsync(string line)
        {
            var (code, output, errors) = await DoAsync(line);
            Assert.Equal((1, ""), (code, output));
            return errors;
        }

        async Task<(int Code, string Output, string Errors)> DoAsync(string line)
        {
            using var output = new StringWriter();
            using var errors = new StringWriter();
            var code = await RemoteCommand.RunAsync(folder, line, output, errors, Cancellation);
            return (code, output.ToString().TrimEnd(), errors.ToString().TrimEnd());
        }
    }

    [Fact]
    public async Task An_added_domain_is_there_after_a_restart()
    {
        var data = Directory.CreateTempSubdirectory("sts-again-").FullName;
        var options = new LocalSystemOptions { AppRoot = app.Folder, CommandRoot = app.CommandFolder, DataFolder = data };
        await using (var first = await LocalSystem.StartAsync(options, Cancellation))
        {
            using var commands = new InteractiveCommands(first, new Progress<string>());
            Assert.True((await commands.ExecuteAsync("add rsa.example", Cancellation)).IsDone);
        }

        await using (var second = await LocalSystem.StartAsync(options, Cancellation))
        {
            using var commands = new InteractiveCommands(second, new Progress<string>());
            await commands.AddAgainAsync(Cancellation);

            Assert.Equal(["rsa.example"], second.MailLab.Domains.Select(domain => domain.Name));
            Assert.Contains("no mail", (await commands.ExecuteAsync("check", Cancellation)).Text, StringComparison.Ordinal);
        }

        Directory.Delete(data, recursive: true);
    }

    [Fact]
    public async Task The_app_and_the_mail_lab_serve_policies_on_one_port()
    {
        await running.System.AddAsync(LabDomains.Get("policy-type.example"), Cancellation);
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);
        Assert.Equal(running.System.MailLab.HttpsPort, running.System.Host.HttpsAddress!.Port);

        using var fromApp = await running.System.Client.GetAsync(running.System.Https("mta-sts.example.com", PolicyHost.WellKnownPath), Cancellation);
        Assert.Equal((HttpStatusCode.OK, "text/plain"), (fromApp.StatusCode, fromApp.Content.Headers.ContentType!.MediaType));

        // An operator whose name leads to another host: the app's own policy and the one that senders get are the same bytes.
        var other = running.System.MailLab.PolicyHostOf("policy-type.example");
        using var client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions =
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { running.System.MailLab.Ca.Root },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(other.EndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        var policy = await client.GetStringAsync(running.System.Https("mta-sts.policy-type.example", PolicyHost.WellKnownPath), Cancellation);
        Assert.Equal(await running.System.Client.GetStringAsync(running.System.Https("mta-sts.policy-type.example", PolicyHost.WellKnownPath), Cancellation), policy);
        Assert.Single(other.Requests);
    }
}
