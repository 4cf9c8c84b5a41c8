using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Org.BouncyCastle.Crypto.Parameters;
using StsFunctions.Core.Reports;
using StsFunctions.Local.Lab;
using StsFunctions.ReportIntake.Dkim;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>A DKIM key in DNS costs no more than a key of RFC 8301 or RFC 8463 does: any other is never used, and never looked up again.</summary>
public sealed partial class HostileDkimKeyTests : IAsyncLifetime
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
    [InlineData(16_384, 16_383)]
    [InlineData(8_192, 17)]
    [InlineData(4_097, 17)]
    [InlineData(1_023, 17)]
    [InlineData(2_048, 2_047)]
    [InlineData(2_048, 33)]
    [Trait("Conformance", "ARR-3")]
    public async Task A_key_larger_than_RFC_8301_allows_or_with_a_large_exponent_is_a_permanent_failure(int modulusBits, int exponentBits)
    {
        var signers = await VerifyAsync($"v=DKIM1; k=rsa; p={RsaKeys.Encode(RsaKeys.Odd(modulusBits), RsaKeys.Odd(exponentBits))}");

        Assert.Equal((AuthenticationResult.Fail, false), (signers.ResultFor("Company-X").Verdict, signers.IsUnresolvedFor("Company-X")));
        Assert.Contains("RFC 8301", Assert.Single(signers.Reasons), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1_024, 2)]
    [InlineData(2_048, 17)]
    [InlineData(4_096, 32)]
    [Trait("Conformance", "ARR-3")]
    public void A_key_of_RFC_8301_is_read(int modulusBits, int exponentBits)
    {
        var modulus = Product(modulusBits);

        var key = Assert.IsType<RsaKeyParameters>(DkimPublicKey.Read("rsa", RsaKeys.Encode(modulus, RsaKeys.Odd(exponentBits))));

        Assert.Equal((modulus.ToString(CultureInfo.InvariantCulture), RsaKeys.Odd(exponentBits).ToString(CultureInfo.InvariantCulture)), (key.Modulus.ToString(), key.Exponent.ToString()));
    }

    // Each is of a different kind: nothing is computed with any, so none takes time.
    public static TheoryData<string, string?, string> Unusable => new()
    {
        { "an exponent of one", "rsa", RsaKeys.Encode(RsaKeys.Odd(2_048), BigInteger.One) },
        { "an even exponent", "rsa", RsaKeys.Encode(RsaKeys.Odd(2_048), 65_536) },
        { "a negative exponent", "rsa", RsaKeys.Encode(RsaKeys.Odd(2_048), -3) },
        { "an even modulus", "rsa", RsaKeys.Encode(RsaKeys.Odd(2_048) + 1, 65_537) },
        { "a negative modulus", "rsa", RsaKeys.Encode(-RsaKeys.Odd(2_048), 65_537) },
        { "zero", "rsa", RsaKeys.Encode(0, 0) },
        { "a key of another algorithm", "rsa", RsaKeys.Encode(RsaKeys.Odd(2_048), 65_537, "1.2.840.10045.2.1") },
        { "a key on a curve of its own", null, "MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////" },
        { "a text without end", "rsa", new string('A', 60_000) },
        { "an Ed25519 key in the RSA form", "rsa", Convert.ToBase64String(new byte[32]) },
        { "an RSA key said to be Ed25519", "ed25519", RsaKeys.Encode(RsaKeys.Odd(2_048), 65_537) },
        { "a short Ed25519 key", "ed25519", Convert.ToBase64String(new byte[31]) },
        { "a long Ed25519 key", "ed25519", Convert.ToBase64String(new byte[33]) },
        { "another type", "dsa", RsaKeys.Encode(RsaKeys.Odd(2_048), 65_537) },
        { "what is no base64", "rsa", "-----END PUBLIC KEY-----" },
        { "nothing", "rsa", "" },
        { "a length that is not there", "rsa", "MIL/////" },
    };

    [Theory]
    [MemberData(nameof(Unusable))]
    [Trait("Conformance", "ARR-3")]
    public async Task An_invalid_key_is_a_permanent_failure(string what, string? type, string text)
    {
        Assert.NotEmpty(what);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var e = Assert.Throws<FormatException>(() => DkimPublicKey.Read(type, text));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.InRange(e.Message.Length, 10, 200);

        var signers = await VerifyAsync($"v=DKIM1; {(type is null ? "" : $"k={type}; ")}p={text}");
        Assert.Equal((AuthenticationResult.Fail, false), (signers.ResultFor("Company-X").Verdict, signers.IsUnresolvedFor("Company-X")));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task An_Ed25519_key_that_is_not_on_the_curve_or_not_of_the_signer_is_a_permanent_failure()
    {
        foreach (var key in (byte[][])[new byte[32], [.. Enumerable.Repeat((byte)0xff, 32)], [1, .. new byte[31]], [2, .. new byte[31]]])
        {
            var signers = await VerifyAsync($"v=DKIM1; k=ed25519; p={Convert.ToBase64String(key)}", Ed25519Signature);
            Assert.Equal((AuthenticationResult.Fail, false), (signers.ResultFor("Company-X").Verdict, signers.IsUnresolvedFor("Company-X")));
        }
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_mail_of_thousands_of_signatures_and_names_costs_no_more_than_one_of_a_few()
    {
        var mail = SignedMailFactory.Mail();
        _lab.Key("company-x.example").Sign(mail);
        foreach (var n in Enumerable.Range(0, 900))
        {
            mail.Headers.Add("DKIM-Signature", $"v=1; d=a{n}.example; s=s");
            mail.Headers.Add("TLS-Report-Submitter", $"b{n}.example");
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        var names = SenderIdentity.Of(mail);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        Assert.Empty(names.Domains);
        Assert.Equal(AuthenticationResult.Fail, (await _lab.VerifyAsync(SignedMailFactory.Raw(mail))).ResultFor("Company-X").Verdict);
        Assert.Equal(0, _lab.Zone.QuestionCount);
    }

    private const string Ed25519Signature = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=company-x.example; s=reports; h=From; bh={0}; b=" +
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";

    private async Task<DkimResults> VerifyAsync(string record, string? signature = null)
    {
        var key = SignedMailFactory.AnyKey.As("company-x.example");
        var mail = SignedMailFactory.Mail();
        key.Sign(mail);
        if (signature is not null)
        {
            // Over the true body, so that the key is asked for.
            var made = mail.Headers[HeaderId.DkimSignature]!;
            mail.Headers[HeaderId.DkimSignature] = string.Format(CultureInfo.InvariantCulture, signature, BodyHash().Match(made).Groups[1].Value);
        }

        _lab.Zone.Set(key.RecordName, DnsRecord.Txt([.. record.Chunk(255).Select(part => new string(part))]));
        return await _lab.VerifyAsync(SignedMailFactory.Raw(mail));
    }

    // Of two numbers without small factors, which is what a modulus is checked for.
    private static BigInteger Product(int bits)
    {
        using var rsa = RSA.Create(bits);
        return new BigInteger(rsa.ExportParameters(false).Modulus!, isUnsigned: true, isBigEndian: true);
    }

    [GeneratedRegex(@"bh=([^;\s]+)")]
    private static partial Regex BodyHash();
}
