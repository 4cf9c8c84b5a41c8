using System.Security.Authentication;
using CsCheck;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.Local.Lab;

public sealed class OfferedTlsTests
{
    private const int Ecdsa = 0x0403;
    private const int RsaPss = 0x0804;
    private const int RsaPkcs1 = 0x0401;
    private const int SuiteOfTls13 = 0x1301;
    private const int EcdsaSuite = 0xC02B;
    private const int RsaSuite = 0xC02F;
    private const int OldRsaSuite = 0x009C;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, int[], int[], int[]?, bool, bool> Hellos => new()
    {
        { "TLS 1.3, every scheme", [0x0304], [SuiteOfTls13], [Ecdsa, RsaPss], true, true },
        { "TLS 1.3, RSA schemes", [0x0304], [SuiteOfTls13], [RsaPss, RsaPkcs1], false, true },
        { "TLS 1.3, ECDSA schemes", [0x0304], [SuiteOfTls13], [Ecdsa], true, false },
        { "TLS 1.3, only what certificates may be signed with", [0x0304], [SuiteOfTls13], [RsaPkcs1], false, false },
        { "TLS 1.3, no scheme, which it must not", [0x0304], [SuiteOfTls13], null, false, false },
        { "either version: the newer one decides", [0x0304, 0x0303], [SuiteOfTls13, RsaSuite], [Ecdsa, RsaPss], true, true },
        { "TLS 1.2, both suites", [0x0303], [EcdsaSuite, RsaSuite], [Ecdsa, RsaPkcs1], true, true },
        { "TLS 1.2, ECDSA suites", [0x0303], [EcdsaSuite], [Ecdsa, RsaPkcs1], true, false },
        { "TLS 1.2, RSA suites", [0x0303], [RsaSuite], [Ecdsa, RsaPkcs1], false, true },
        { "TLS 1.2, RSA key exchange", [0x0303], [OldRsaSuite], [Ecdsa, RsaPkcs1], false, true },
        { "TLS 1.2, ECDSA suites and RSA schemes", [0x0303], [EcdsaSuite, RsaSuite], [RsaPkcs1], false, true },
        { "TLS 1.2, no word about schemes", [0x0303], [EcdsaSuite, RsaSuite], null, true, true },
        { "TLS 1.2, nothing that either key is for", [0x0303], [0x00FF], [Ecdsa, RsaPkcs1], false, false },
    };

    [Theory]
    [MemberData(nameof(Hellos))]
    public async Task The_hello_of_a_client_shows_what_it_supports(string client, int[] versions, int[] suites, int[]? schemes, bool ecdsa, bool rsa)
    {
        var hello = Hello(versions, suites, schemes);

        var (read, offered) = await OfferedTls.ReadAsync(new MemoryStream(hello), Cancellation);

        Assert.Equal(hello, read.ToArray());
        const SslProtocols both = SslProtocols.Tls12 | SslProtocols.Tls13;
        Assert.Equal((client, ecdsa, rsa), (client, offered!.CanUse(KeyKind.Ecdsa, both), offered.CanUse(KeyKind.Rsa, both)));
    }

    [Fact]
    public async Task A_TLS_1_2_server_chooses_by_the_cipher_suites_even_if_the_client_supports_TLS_1_3()
    {
        var (_, offered) = await OfferedTls.ReadAsync(new MemoryStream(Hello([0x0304, 0x0303], [SuiteOfTls13, RsaSuite], [Ecdsa, RsaPss, RsaPkcs1])), Cancellation);

        Assert.Equal((false, true), (offered!.CanUse(KeyKind.Ecdsa, SslProtocols.Tls12), offered.CanUse(KeyKind.Rsa, SslProtocols.Tls12)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(40)]
    public async Task A_hello_can_span_several_records(int size)
    {
        var hello = Hello([0x0303], [RsaSuite], [RsaPkcs1]);
        byte[] records = [.. hello[5..].Chunk(size).SelectMany(piece => (byte[])[22, 3, 1, 0, (byte)piece.Length, .. piece])];

        var (read, offered) = await OfferedTls.ReadAsync(new MemoryStream([.. records, 1, 2, 3]), Cancellation);

        Assert.Equal(records, read.ToArray());
        Assert.True(offered!.CanUse(KeyKind.Rsa, SslProtocols.Tls12));
    }

    [Theory]
    [InlineData("")]
    [InlineData("16")]
    [InlineData("1603010000")]
    [InlineData("160301FFFF")]
    [InlineData("170301000101")]
    [InlineData("1603010004020000FF")]
    [InlineData("160301000401FFFFFF")]
    public async Task Bytes_that_are_not_a_hello_are_passed_on_unchanged(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        using var stream = new MemoryStream(bytes);

        var (read, offered) = await OfferedTls.ReadAsync(stream, Cancellation);

        Assert.Null(offered);
        var replayed = new byte[bytes.Length];
        await using var whole = new ReplayedStream(read, stream);
        await whole.ReadExactlyAsync(replayed, Cancellation);
        Assert.Equal(bytes, replayed);
    }

    [Fact]
    public void No_bytes_throw_and_none_are_lost()
    {
        var hello = Hello([0x0304, 0x0303], [SuiteOfTls13, EcdsaSuite, RsaSuite], [Ecdsa, RsaPss]);
        Gen.Select(Gen.Int[0, hello.Length - 1], Gen.Byte, Gen.Int[0, hello.Length]).Sample((at, value, length) =>
        {
            var bytes = hello.ToArray();
            bytes[at] = value;
            bytes = bytes[..length];

            var (read, offered) = OfferedTls.ReadAsync(new MemoryStream(bytes), CancellationToken.None).GetAwaiter().GetResult();

            offered?.CanUse(KeyKind.Rsa, SslProtocols.Tls12 | SslProtocols.Tls13);
            Assert.Equal(bytes[..read.Length], read.ToArray());
        });
    }

    // A ClientHello (RFC 8446 §4.1.2) in one record, with an unknown extension first.
    private static byte[] Hello(int[] versions, int[] suites, int[]? schemes)
    {
        byte[] extensions =
        [
            .. Extension(0xFAFA, []),
            .. schemes is null ? [] : Extension(13, Counted(2, Words(schemes))),
            .. versions.Contains(0x0304) ? Extension(43, Counted(1, Words(versions))) : [],
        ];
        byte[] body = [3, 3, .. new byte[32], 0, .. Counted(2, Words(suites)), 1, 0, .. Counted(2, extensions)];
        return [22, 3, 1, .. Counted(2, [1, .. Counted(3, body)])];
    }

    private static byte[] Extension(int type, byte[] data) => [.. Words([type]), .. Counted(2, data)];

    private static byte[] Words(int[] values) => [.. values.SelectMany(value => (byte[])[(byte)(value >> 8), (byte)value])];

    private static byte[] Counted(int bytes, byte[] data) =>
        [.. Enumerable.Range(1, bytes).Select(n => (byte)(data.Length >> (8 * (bytes - n)))), .. data];
}
