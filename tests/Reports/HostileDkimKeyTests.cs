using System.Formats.Asn1;
using System.Numerics;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Domains;
using StsFunctions.Local.MailInternet;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>A DKIM key that DNS tells costs no more than a key of RFC 8301 or RFC 8463 does: any other is never used, and never asked for again.</summary>
public sealed class HostileDkimKeyTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private MailLab _lab = null!;

    public ValueTask InitializeAsync()
    {
        _lab = new MailLab(_time);
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
        var signers = await VerifyAsync($"v=DKIM1; k=rsa; p={RsaKey(Odd(modulusBits), Odd(exponentBits))}");

        Assert.Equal((Verdict.Fail, false), (signers.VerdictOn("Company-X").Verdict, signers.IsOpenOn("Company-X")));
        Assert.Contains("RFC 8301", Assert.Single(signers.Reasons), StringComparison.Ordinal);
    }

    private async Task<StsFunctions.Reports.MailSigners> VerifyAsync(string record)
    {
        var key = MailLab.AnyKey.As("company-x.example");
        var mail = MailLab.Mail();
        key.Sign(mail);
        _lab.Zone.Set(key.RecordName, DnsRecord.Txt([.. record.Chunk(255).Select(part => new string(part))]));
        return await _lab.VerifyAsync(MailLab.Raw(mail));
    }

    // A number of so many bits whose factors nobody knows, or cares to.
    private static BigInteger Odd(int bits)
    {
        var random = new Random(bits);
        var bytes = new byte[(bits / 8) + 1];
        random.NextBytes(bytes);
        return ((new BigInteger(bytes, isUnsigned: true) % BigInteger.Pow(2, bits - 1)) + BigInteger.Pow(2, bits - 1)) | BigInteger.One;
    }

    private static string RsaKey(BigInteger modulus, BigInteger exponent)
    {
        var key = new AsnWriter(AsnEncodingRules.DER);
        using (key.PushSequence())
        {
            key.WriteInteger(modulus);
            key.WriteInteger(exponent);
        }

        var info = new AsnWriter(AsnEncodingRules.DER);
        using (info.PushSequence())
        {
            using (info.PushSequence())
            {
                info.WriteObjectIdentifier("1.2.840.113549.1.1.1");
                info.WriteNull();
            }

            info.WriteBitString(key.Encode());
        }

        return Convert.ToBase64String(info.Encode());
    }
}
