using System.Text;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using MimeKit.Cryptography;
using StsFunctions.Core.Reports;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.ReportIntake.Dkim;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Who authenticates a mail, by keys in the DNS of the test.</summary>
public sealed class DkimValidatorTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private SignedMailFactory _lab = null!;

    public ValueTask InitializeAsync()
    {
        _lab = new SignedMailFactory(_time);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Theory]
    [InlineData(NewLineFormat.Dos)]
    [InlineData(NewLineFormat.Unix)]
    [Trait("Conformance", "ARR-3")]
    public async Task A_signature_of_the_senders_own_domain_is_aligned_and_names_the_signer(NewLineFormat newLine)
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail);

        // A file on disk may have lost its carriage returns: a signature is over the mail as it is sent.
        Assert.Equal((AuthenticationResult.Aligned, "company-x.example"), await VerdictAsync(SignedMailFactory.Raw(mail, newLine)));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_mail_without_a_signature_is_unverified_without_a_DNS_lookup()
    {
        Assert.Equal((AuthenticationResult.Unverified, ""), await VerdictAsync(SignedMailFactory.Raw(SignedMailFactory.Mail())));
        Assert.Equal(0, _lab.Zone.QuestionCount);
    }

    [Theory]
    [InlineData("Report Domain: example.com", "Report Domain: example.org")]
    [InlineData("This is a TLS report.", "This is another report.")]
    [InlineData("tlsrpt@company-x.example", "other@company-x.example")]
    [Trait("Conformance", "ARR-3")]
    public async Task A_mail_that_was_changed_after_it_was_signed_fails(string before, string after)
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail);
        var text = Encoding.ASCII.GetString(SignedMailFactory.Raw(mail));
        Assert.Contains(before, text, StringComparison.Ordinal);

        Assert.Equal((AuthenticationResult.Fail, ""), await VerdictAsync(Encoding.ASCII.GetBytes(text.Replace(before, after, StringComparison.Ordinal))));
    }

    // The sender that the mail claims, and its signer.
    [Theory]
    [InlineData("company-x.example", null, "Company-X", "company-x.example", "Aligned")]
    [InlineData("mail.company-x.example", null, "Company-X", "company-x.example", "Aligned")]
    [InlineData("company-x.example", null, "Company-X", "mail.company-x.example", "Aligned")]
    [InlineData("company-x.example", "company-x.example", "company-x.example", "company-x.example", "Aligned")]
    [InlineData("company-x.example", "Company-X Ltd.", "mail.company-x.example", "company-x.example", "Aligned")]
    [InlineData("COMPANY-X.example", null, "Company-X", "company-x.EXAMPLE", "Aligned")]
    [InlineData("company-x.example", null, "Company-X", "attacker.example", "Signed")]
    [InlineData("company-x.example", null, "Company-X", "notcompany-x.example", "Signed")]
    [InlineData("company-x.example", null, "Company-X", "company-x.example.attacker.example", "Signed")]
    [InlineData("company-x.example", null, "Company-X", "example", "Signed")]
    [InlineData("attacker.example", "company-x.example", "Company-X", "attacker.example", "Signed")]
    [InlineData("company-x.example", "attacker.example", "Company-X", "attacker.example", "Signed")]
    [InlineData("attacker.example", null, "company-x.example", "attacker.example", "Signed")]
    [InlineData("attacker.example", "attacker.example", "Company-X.example.", "attacker.example", "Signed")]
    [Trait("Conformance", "ARR-3")]
    public async Task A_signer_must_own_every_sender_name_of_the_mail_and_its_report(string from, string? submitter, string organization, string signer, string verdict)
    {
        var mail = SignedMailFactory.Mail(from: $"tlsrpt@{from}", headers: submitter is null ? [] : [("TLS-Report-Submitter", submitter)]);
        _lab.Key(signer).Sign(mail);

        Assert.Equal((Enum.Parse<AuthenticationResult>(verdict), signer.ToLowerInvariant()), await VerdictAsync(SignedMailFactory.Raw(mail), organization));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task Two_senders_in_From_must_both_be_the_signers()
    {
        var mail = SignedMailFactory.Mail(from: "tlsrpt@company-x.example, tlsrpt@attacker.example");
        _lab.Key("company-x.example").Sign(mail);
        _lab.Key("attacker.example").Sign(mail);

        Assert.Equal(AuthenticationResult.Signed, (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);
    }

    // RFC 6376 §3.6.1, RFC 8460 §3.
    [Theory]
    [InlineData("", "Aligned")]
    [InlineData("v=DKIM1; ", "Aligned")]
    [InlineData("v=DKIM1; s=*; ", "Aligned")]
    [InlineData("v=DKIM1; s=email : tlsrpt; ", "Aligned")]
    [InlineData("v=DKIM1; h=sha1:sha256; ", "Aligned")]
    [InlineData("v=DKIM1; n=a note; x-other=1; ", "Aligned")]
    [InlineData("v=DKIM1; s=email; ", "Fail")]
    [InlineData("v=DKIM1; s=tlsrpts; ", "Fail")]
    [InlineData("v=DKIM2; ", "Fail")]
    [InlineData("v=DKIM1; h=sha1; ", "Fail")]
    [InlineData("v=DKIM1; t=y; ", "Fail")]
    [InlineData("v=DKIM1; k=ed25519; ", "Fail")]
    [InlineData("v=DKIM1; p=; ", "Fail")]
    [Trait("Conformance", "ARR-3")]
    public async Task A_key_counts_if_it_is_for_reports(string tags, string verdict)
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example", tags).Sign(mail);

        Assert.Equal(Enum.Parse<AuthenticationResult>(verdict), (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);
    }

    [Theory]
    [InlineData("v=DKIM1; p=")]
    [InlineData("v=DKIM1; p=AAAA")]
    [InlineData("v=DKIM1; k=dsa; p=AAAA")]
    [InlineData("v=DKIM1; p=not base64!")]
    [InlineData("v=spf1 -all")]
    [InlineData("")]
    [Trait("Conformance", "ARR-3")]
    public async Task A_signature_without_a_usable_key_fails(string record)
    {
        var key = SignedMailFactory.AnyKey.As("company-x.example");
        var mail = SignedMailFactory.Mail();
        key.Sign(mail);
        Assert.Equal(AuthenticationResult.Fail, (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);

        _lab.Zone.Set(key.RecordName, DnsRecord.Txt(record));

        Assert.Equal(AuthenticationResult.Fail, (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_signature_over_a_part_of_the_body_fails_even_if_it_is_valid()
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail, userAndMore: "@company-x.example; l=1000000");
        var raw = SignedMailFactory.Raw(mail);
        using var stream = new MemoryStream(raw);
        var read = await MimeMessage.LoadAsync(stream, TestContext.Current.CancellationToken);
        var signature = read.Headers.First(header => header.Id == HeaderId.DkimSignature);
        var keys = new DkimKeys(new DnsResolver(new EgressOptions { DnsServer = _lab.Dns }));
        Assert.True(await new DkimVerifier(keys).VerifyAsync(read, signature, TestContext.Current.CancellationToken));

        Assert.Equal((AuthenticationResult.Fail, ""), await VerdictAsync(raw));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_signature_counts_until_it_expires()
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail, expiresAfter: TimeSpan.FromHours(1));

        Assert.Equal(AuthenticationResult.Aligned, (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(AuthenticationResult.Fail, (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);
    }

    [Theory]
    [InlineData(DnsBehaviour.ServerFailure)]
    [InlineData(DnsBehaviour.Refused)]
    [Trait("Conformance", "ARR-3")]
    public async Task A_key_that_DNS_does_not_return_is_a_temporary_error_until_it_does(DnsBehaviour behaviour)
    {
        var key = _lab.Key("company-x.example");
        var mail = SignedMailFactory.Mail();
        key.Sign(mail);
        _lab.Zone.Behave(key.RecordName, behaviour);

        var before = await _lab.VerifyAsync(SignedMailFactory.Raw(mail));
        _lab.Zone.Behave(key.RecordName, DnsBehaviour.Normal);
        var after = await _lab.VerifyAsync(SignedMailFactory.Raw(mail));

        Assert.Equal((AuthenticationResult.TemporaryError, true), (before.ResultFor("Company-X").Verdict, before.IsUnresolvedFor("Company-X")));
        Assert.Equal((AuthenticationResult.Aligned, false), (after.ResultFor("Company-X").Verdict, after.IsUnresolvedFor("Company-X")));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task An_unavailable_key_of_a_relay_leaves_no_temporary_error_where_the_senders_own_is_valid()
    {
        var relay = _lab.Key("relay.example");
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail);
        relay.Sign(mail);
        _lab.Zone.Behave(relay.RecordName, DnsBehaviour.ServerFailure);

        var signers = await _lab.VerifyAsync(SignedMailFactory.Raw(mail));

        Assert.Equal(((AuthenticationResult.Aligned, "company-x.example"), false), (signers.ResultFor("Company-X"), signers.IsUnresolvedFor("Company-X")));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_few_of_many_signatures_are_verified_and_the_senders_own_first()
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail);
        foreach (var n in Enumerable.Range(0, 50))
        {
            // Each names another place to ask for its key, and there is none.
            SignedMailFactory.AnyKey.As($"relay{n % 5}.example", $"s{n}").Sign(mail);
        }

        Assert.Equal(AuthenticationResult.Aligned, (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);
        Assert.InRange(_lab.Zone.QuestionCount, 1, DkimValidator.MaxSignatures);
    }

    [Theory]
    [InlineData("v=1")]
    [InlineData("=;=;=")]
    [InlineData("v=1; a=rsa-sha256; d=company-x.example; s=../x; h=From; bh=AAAA; b=AAAA")]
    [InlineData("v=1; a=rsa-sha1; c=relaxed/relaxed; d=company-x.example; s=reports; h=From; bh=AAAA; b=AAAA")]
    [InlineData("v=1; a=rsa-sha256; c=x/y; d=company-x.example; s=reports; h=From; bh=!!; b=!!")]
    [InlineData("v=1; a=none; d=-; s=; h=; bh=; b=")]
    [InlineData("v=1; d=company-x.example; d=attacker.example")]
    [Trait("Conformance", "ARR-3")]
    public async Task A_signature_that_cannot_be_parsed_fails_and_affects_no_other(string signature)
    {
        _lab.Key("company-x.example");
        var mail = SignedMailFactory.Mail(headers: ("DKIM-Signature", signature));

        Assert.Equal((AuthenticationResult.Fail, ""), await VerdictAsync(SignedMailFactory.Raw(mail)));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_very_large_signature_or_header_fails_before_it_costs_anything()
    {
        _lab.Key("company-x.example");
        var covered = string.Join(':', Enumerable.Repeat("From", 100_000));
        var mail = SignedMailFactory.Mail(headers: ("DKIM-Signature", $"v=1; a=rsa-sha256; d=company-x.example; s=reports; h={covered}; bh=AAAA; b=AAAA"));
        Assert.Equal(AuthenticationResult.Fail, (await VerdictAsync(SignedMailFactory.Raw(mail))).Verdict);

        var many = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(many);
        foreach (var n in Enumerable.Range(0, 2_000))
        {
            many.Headers.Add($"X-{n}", "x");
        }

        Assert.Equal(AuthenticationResult.Fail, (await VerdictAsync(SignedMailFactory.Raw(many))).Verdict);
        Assert.Equal(0, _lab.Zone.QuestionCount);
    }

    // As Exchange Online writes it, without its own name before it.
    private const string Found = "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=company-x.example; dkim=pass (signature was verified) header.d=company-x.example;dmarc=pass action=none header.from=company-x.example;compauth=pass reason=100";

    [Theory]
    [InlineData(Found, null, true, "PassByReceiver")]
    [InlineData("mx.example.com; dkim=pass header.d=company-x.example header.s=reports", null, true, "PassByReceiver")]
    [InlineData(Found, null, false, "Fail")]
    [InlineData("spf=pass smtp.mailfrom=company-x.example; dkim=fail (body hash did not verify) header.d=company-x.example", Found, true, "Fail")]
    [InlineData("spf=pass smtp.mailfrom=company-x.example", Found, true, "Fail")]
    [InlineData("dkim=pass (signature was verified) header.d=attacker.example", null, true, "Fail")]
    [InlineData("dkim=none (message not signed) header.d=none", null, true, "Fail")]
    [InlineData(";;;=", null, true, "Fail")]
    [Trait("Conformance", "ARR-3")]
    public async Task The_result_of_Exchange_Online_counts_only_for_mail_of_its_mailbox_and_only_in_the_topmost_field(string topmost, string? below, bool fromMailbox, string verdict)
    {
        Assert.Equal(Enum.Parse<AuthenticationResult>(verdict), (await RewrittenAsync("@company-x.example", topmost, below, fromMailbox)).Verdict);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task The_result_of_Exchange_Online_does_not_validate_a_signature_over_a_part_of_the_body() =>
        Assert.Equal(AuthenticationResult.Fail, (await RewrittenAsync("@company-x.example; l=1000000", Found, below: null, fromMailbox: true)).Verdict);

    private async Task<(AuthenticationResult Verdict, string SignedBy)> RewrittenAsync(string user, string topmost, string? below, bool fromMailbox)
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail, user);
        foreach (var field in (string?[])[below, topmost])
        {
            if (field is not null)
            {
                mail.Headers.Insert(0, new Header(Encoding.ASCII, "Authentication-Results", field));
            }
        }

        var text = Encoding.ASCII.GetString(SignedMailFactory.Raw(mail));
        var rewritten = text.Replace("This is a TLS report.", "This is a TLS report. ", StringComparison.Ordinal).Replace("TLS report", "TLS  Report", StringComparison.Ordinal);
        return await VerdictAsync(Encoding.ASCII.GetBytes(rewritten), fromMailbox: fromMailbox);
    }

    private async Task<(AuthenticationResult Verdict, string SignedBy)> VerdictAsync(byte[] raw, string organization = "Company-X", bool fromMailbox = false) =>
        (await _lab.VerifyAsync(raw, fromMailbox)).ResultFor(organization);
}
