using MimeKit;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.ReportIntake.Dkim;

namespace StsFunctions.Tests.Reports;

/// <summary>Senders who sign their reports, and the DNS with their keys.</summary>
internal sealed class SignedMailFactory : IAsyncDisposable
{
    /// <summary>A key of no domain, for any use.</summary>
    public static readonly DkimKey AnyKey = new("nobody.example");

    private readonly DnsServer _dns;

    public SignedMailFactory(TimeProvider time)
    {
        _dns = DnsServer.Start(Zone, TimeProvider.System);
        Authenticity = new DkimValidator(new DnsResolver(new EgressOptions { DnsServer = _dns.EndPoint }), time);
    }

    public DnsZone Zone { get; } = new();

    public System.Net.IPEndPoint Dns => _dns.EndPoint;

    public DkimValidator Authenticity { get; }

    /// <summary>A key that is published.</summary>
    public DkimKey Key(string domain, string tags = "v=DKIM1; k=rsa; s=tlsrpt; ", string selector = "reports")
    {
        var key = AnyKey.As(domain, selector);
        key.Publish(Zone, tags);
        return key;
    }

    /// <summary>A mail with a report, not signed yet.</summary>
    public static MimeMessage Mail(byte[]? json = null, string from = "tlsrpt@company-x.example", params (string Field, string Value)[] headers)
    {
        using var raw = new MemoryStream(Samples.Mail(("application/tlsrpt+gzip", null, Samples.Gzip(json ?? Samples.Json(Samples.Policy())))));
        var mail = MimeMessage.Load(raw);
        mail.From.Clear();
        mail.From.AddRange(InternetAddressList.Parse(from));
        foreach (var (field, value) in headers)
        {
            mail.Headers.Add(field, value);
        }

        return mail;
    }

    /// <summary>A mail as it goes over the wire.</summary>
    public static byte[] Raw(MimeMessage mail, NewLineFormat newLine = NewLineFormat.Dos)
    {
        var options = FormatOptions.Default.Clone();
        options.NewLineFormat = newLine;
        using var raw = new MemoryStream();
        mail.WriteTo(options, raw);
        return raw.ToArray();
    }

    /// <summary>What is found of a mail, read as it is on arrival.</summary>
    public async Task<DkimResults> VerifyAsync(byte[] raw, bool fromMailbox = false)
    {
        using var stream = new MemoryStream(raw);
        var mail = await MimeMessage.LoadAsync(ParserOptions.Default, stream, persistent: true, Xunit.TestContext.Current.CancellationToken);
        return await Authenticity.VerifyAsync(mail, fromMailbox, Xunit.TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => _dns.DisposeAsync();
}
