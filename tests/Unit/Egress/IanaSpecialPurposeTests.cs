using System.Net;
using CsCheck;
using StsFunctions.Network.Egress;
using Xunit;

namespace StsFunctions.Tests.Egress;

public sealed class IanaSpecialPurposeTests
{
    private const string Yes = "True";
    private const string No = "False";
    private const string NotApplicable = "N/A";
    private const string Blank = "";

    /// <summary>
    /// Every row of the IANA IPv4 and IPv6 Special-Purpose Address Registries of 2025-10-09: the block, its name, and what
    /// its column "Globally Reachable" says (nothing, where the block is deprecated).
    /// </summary>
    private static readonly (string Block, string Name, string GloballyReachable)[] Registry =
    [
        ("0.0.0.0/8", "This network", No),
        ("0.0.0.0/32", "This host on this network", No),
        ("10.0.0.0/8", "Private-Use", No),
        ("100.64.0.0/10", "Shared Address Space", No),
        ("127.0.0.0/8", "Loopback", No),
        ("169.254.0.0/16", "Link Local", No),
        ("172.16.0.0/12", "Private-Use", No),
        ("192.0.0.0/24", "IETF Protocol Assignments", No),
        ("192.0.0.0/29", "IPv4 Service Continuity Prefix", No),
        ("192.0.0.8/32", "IPv4 dummy address", No),
        ("192.0.0.9/32", "Port Control Protocol Anycast", Yes),
        ("192.0.0.10/32", "Traversal Using Relays around NAT Anycast", Yes),
        ("192.0.0.170/32", "NAT64/DNS64 Discovery", No),
        ("192.0.0.171/32", "NAT64/DNS64 Discovery", No),
        ("192.0.2.0/24", "Documentation (TEST-NET-1)", No),
        ("192.31.196.0/24", "AS112-v4", Yes),
        ("192.52.193.0/24", "AMT", Yes),
        ("192.88.99.0/24", "Deprecated (6to4 Relay Anycast)", Blank),
        ("192.88.99.2/32", "6a44-relay anycast address", No),
        ("192.168.0.0/16", "Private-Use", No),
        ("192.175.48.0/24", "Direct Delegation AS112 Service", Yes),
        ("198.18.0.0/15", "Benchmarking", No),
        ("198.51.100.0/24", "Documentation (TEST-NET-2)", No),
        ("203.0.113.0/24", "Documentation (TEST-NET-3)", No),
        ("240.0.0.0/4", "Reserved", No),
        ("255.255.255.255/32", "Limited Broadcast", No),
        ("::1/128", "Loopback Address", No),
        ("::/128", "Unspecified Address", No),
        ("64:ff9b:1::/48", "IPv4-IPv6 Translat.", No),
        ("100::/64", "Discard-Only Address Block", No),
        ("100:0:0:1::/64", "Dummy IPv6 Prefix", No),
        ("2001::/23", "IETF Protocol Assignments", No),
        ("2001::/32", "TEREDO", NotApplicable),
        ("2001:1::1/128", "Port Control Protocol Anycast", Yes),
        ("2001:1::2/128", "Traversal Using Relays around NAT Anycast", Yes),
        ("2001:1::3/128", "DNS-SD Service Registration Protocol Anycast", Yes),
        ("2001:2::/48", "Benchmarking", No),
        ("2001:3::/32", "AMT", Yes),
        ("2001:4:112::/48", "AS112-v6", Yes),
        ("2001:10::/28", "Deprecated (previously ORCHID)", Blank),
        ("2001:20::/28", "ORCHIDv2", Yes),
        ("2001:30::/28", "Drone Remote ID Protocol Entity Tags (DETs) Prefix", Yes),
        ("2001:db8::/32", "Documentation", No),
        ("2620:4f:8000::/48", "Direct Delegation AS112 Service", Yes),
        ("3fff::/20", "Documentation", No),
        ("5f00::/16", "Segment Routing (SRv6) SIDs", No),
        ("fc00::/7", "Unique-Local", No),
        ("fe80::/10", "Link-Local Unicast", No),
    ];

    /// <summary>The three rows whose addresses embed an IPv4 address and are as reachable as it.</summary>
    private static readonly (string Block, string Name, string GloballyReachable, int At)[] Carriers =
    [
        ("::ffff:0:0/96", "IPv4-mapped Address", No, 12),
        ("64:ff9b::/96", "IPv4-IPv6 Translat.", Yes, 12),
        ("2002::/16", "6to4", NotApplicable, 2),
    ];

    /// <summary>What the registries leave to others: multicast, what was given back, what was never given out, and Azure's own.</summary>
    private static readonly (string Block, string Name)[] NotGlobalUnicast =
    [
        ("224.0.0.0/4", "multicast"),
        ("168.63.129.16/32", "Azure's wire server"),
        ("::/96", "IPv4-compatible, deprecated (RFC 4291 §2.5.5.1)"),
        ("::ffff:0:0:0/96", "IPv4-translated (RFC 2765)"),
        ("::/8", "reserved"),
        ("200::/7", "reserved (RFC 4048)"),
        ("400::/6", "reserved"),
        ("800::/5", "reserved"),
        ("1000::/4", "reserved"),
        ("4000::/3", "reserved"),
        ("8000::/2", "reserved"),
        ("c000::/3", "reserved"),
        ("e000::/4", "reserved"),
        ("f000::/5", "reserved"),
        ("f800::/6", "reserved"),
        ("fe00::/9", "reserved"),
        ("fec0::/10", "site-local, deprecated (RFC 3879)"),
        ("ff00::/8", "multicast"),
    ];

    /// <summary>All other addresses.</summary>
    public static TheoryData<string> Neighbours =>
    [
        "1.0.0.0", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0",
        "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
        "2000::", "2000:ffff::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2001:4860:4860::8888", "2003::", "2606:4700::", "2a00::1", "3ffe::", "3fff:1000::",
        "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];

    public static TheoryData<string, string, string> Rows => [.. Registry.Select(row => (row.Block, row.Name, row.GloballyReachable))];

    public static TheoryData<string, string> Others => [.. NotGlobalUnicast];

    private static IEnumerable<IPNetwork> Excepted => Registry.Where(row => row.GloballyReachable == Yes).Select(row => IPNetwork.Parse(row.Block));

    [Theory]
    [MemberData(nameof(Rows))]
    public void Each_row_of_the_registries_applies_from_its_first_address_to_its_last(string block, string name, string globallyReachable)
    {
        var network = IPNetwork.Parse(block);
        var (first, last) = Ends(network);

        // A row within another that is globally reachable is an exception from it.
        bool IsDue(IPAddress address) => Excepted.Any(row => row.Contains(address));

        void Check(IPAddress address) => Assert.True(IanaSpecialPurpose.IsGloballyReachable(address) == IsDue(address), $"{address} of {block}, {name}: {globallyReachable}");

        Check(first);
        Check(last);
        Within(network).Sample(Check, iter: 500);
        Assert.Equal(globallyReachable == Yes, IsDue(last));
    }

    [Fact]
    public void The_registries_have_as_many_rows_as_the_table()
    {
        var blocks = Registry.Select(row => row.Block).Concat(Carriers.Select(row => row.Block)).ToList();

        // 192.0.0.170/32 and 192.0.0.171/32 are one row.
        Assert.Equal((26, 25), (blocks.Count(block => block.Contains('.', StringComparison.Ordinal)), blocks.Count(block => block.Contains(':', StringComparison.Ordinal))));
        Assert.Distinct(blocks);
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void An_address_outside_global_unicast_is_not_reachable(string block, string name)
    {
        var network = IPNetwork.Parse(block);
        var (first, last) = Ends(network);

        void Check(IPAddress address)
        {
            if (!Carriers.Any(row => IPNetwork.Parse(row.Block).Contains(address)))
            {
                Assert.False(IanaSpecialPurpose.IsGloballyReachable(address), $"{address} of {block}, {name}");
            }
        }

        Check(first);
        Check(last);
        Within(network).Sample(Check, iter: 500);
    }

    [Theory]
    [MemberData(nameof(Neighbours))]
    public void Every_other_address_is_reachable(string address) => Assert.True(IanaSpecialPurpose.IsGloballyReachable(IPAddress.Parse(address)), address);

    [Fact]
    public void An_address_that_embeds_an_IPv4_address_is_as_reachable_as_that_one() =>
        Gen.Select(AnyIPv4, Gen.OneOf(Carriers), Gen.Byte.Array[16], (inner, row, rest) => (Inner: inner, Outer: Carrying(inner, row.Block, row.At, rest))).Sample(
            pair => Assert.True(IanaSpecialPurpose.IsGloballyReachable(pair.Inner) == IanaSpecialPurpose.IsGloballyReachable(pair.Outer), $"{pair.Inner} as {pair.Outer}"),
            iter: 20_000);

    [Fact]
    public void No_address_that_embeds_a_forbidden_one_is_reachable() =>
        Gen.Select(Forbidden, Gen.OneOf(Embeddings), Gen.Byte.Array[16], (inner, way, rest) => (Inner: inner, Outer: way(inner, rest))).Sample(
            pair => Assert.False(IanaSpecialPurpose.IsGloballyReachable(pair.Outer), $"{pair.Inner} as {pair.Outer}"),
            iter: 20_000);

    [Fact]
    public void An_ISATAP_host_with_a_public_IPv4_address_is_as_reachable_as_its_prefix() =>
        Assert.Equal(
            [true, true, false],
            new[] { "2001:4860::200:5efe:1.1.1.1", "2001:4860::5efe:101:101", "2001:db8::200:5efe:1.1.1.1" }.Select(address => IanaSpecialPurpose.IsGloballyReachable(IPAddress.Parse(address))));

    [Theory]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:168.63.129.16")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b::a83f:8110")]
    [InlineData("64:ff9b:1::101:101")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("2002:a83f:8110::")]
    [InlineData("2002:a9fe:a9fe::1")]
    [InlineData("2002:101:101::5efe:7f00:1")]
    [InlineData("2001:4860::5efe:a83f:8110")]
    [InlineData("2001:4860::200:5efe:10.0.0.1")]
    [InlineData("2001:4860::300:5efe:10.0.0.1")]
    [InlineData("::127.0.0.1")]
    [InlineData("::1.1.1.1")]
    [InlineData("::ffff:0:127.0.0.1")]
    [InlineData("2001:0:4136:e378:8000:63bf:3fff:fdd2")]
    [InlineData("fe80::1%1")]
    [InlineData("fe80::1234:5678:9abc")]
    [InlineData("2606:4700::1%1")]
    [InlineData("::ffff:1.1.1.1%1")]
    [InlineData("64:ff9b::101:101%1")]
    public void No_encoding_of_a_forbidden_address_is_reachable(string address) => Assert.False(IanaSpecialPurpose.IsGloballyReachable(IPAddress.Parse(address)));

    [Fact]
    public void Any_sixteen_bytes_with_any_zone_are_reachable_or_not() =>
        Gen.Select(
            Gen.OneOf(Gen.Byte.Array[16], Gen.Select(Gen.OneOf(Embeddings), AnyIPv4, Gen.Byte.Array[16], (way, inner, rest) => way(inner, rest).GetAddressBytes())),
            Gen.UInt).Sample(
            (bytes, zone) =>
            {
                var reachable = IanaSpecialPurpose.IsGloballyReachable(new IPAddress(bytes));
                Assert.Equal(reachable && zone == 0, IanaSpecialPurpose.IsGloballyReachable(new IPAddress(bytes, zone)));
            },
            iter: 20_000);

    private static Gen<IPAddress> AnyIPv4 => Gen.UInt.Select(bits => new IPAddress(bits));

    private static Gen<IPAddress> Forbidden => Gen.OneOf(
        [.. Registry.Where(row => row.GloballyReachable != Yes && row.Block.Contains('.', StringComparison.Ordinal)).Select(row => row.Block).Concat(["224.0.0.0/4", "168.63.129.16/32"])
            .Select(block => Within(IPNetwork.Parse(block)).Where(address => !Excepted.Any(row => row.Contains(address))))]);

    // Every way in which an IPv6 address embeds an IPv4 address; the rest of it is arbitrary.
    private static Func<IPAddress, byte[], IPAddress>[] Embeddings =>
    [
        .. Carriers.Select(row => (Func<IPAddress, byte[], IPAddress>)((inner, rest) => Carrying(inner, row.Block, row.At, rest))),
        (inner, rest) => Carrying(inner, "::/96", 12, rest),
        (inner, rest) => Carrying(inner, "::ffff:0:0:0/96", 12, rest),
        // RFC 6052 §2.2, by the prefix of RFC 8215; octet 8 is skipped.
        (inner, rest) => Carrying(inner, "64:ff9b:1::/96", 12, rest),
        (inner, rest) => With(Carrying(inner, "64:ff9b:1::/48", 6, rest), 8, [0, .. inner.GetAddressBytes()[2..]]),
        // Teredo: the server, and the client with every bit inverted (RFC 4380 §4).
        (inner, rest) => Carrying(inner, "2001::/32", 4, rest),
        (inner, rest) => Carrying(new IPAddress([.. inner.GetAddressBytes().Select(b => (byte)~b)]), "2001::/32", 12, rest),
        // ISATAP, in any network (RFC 5214 §6.1).
        (inner, rest) => With(new IPAddress(rest), 8, [0, 0, 0x5E, 0xFE, .. inner.GetAddressBytes()]),
        (inner, rest) => With(new IPAddress(rest), 8, [2, 0, 0x5E, 0xFE, .. inner.GetAddressBytes()]),
    ];

    private static IPAddress Carrying(IPAddress inner, string block, int at, byte[] rest) =>
        With(InBlock(IPNetwork.Parse(block), rest), at, inner.GetAddressBytes());

    private static IPAddress With(IPAddress address, int at, byte[] part)
    {
        var bytes = address.GetAddressBytes();
        part.CopyTo(bytes, at);
        return new IPAddress(bytes);
    }

    private static (IPAddress First, IPAddress Last) Ends(IPNetwork network) =>
        (network.BaseAddress, InBlock(network, [.. Enumerable.Repeat((byte)0xFF, 16)]));

    private static Gen<IPAddress> Within(IPNetwork network) => Gen.Byte.Array[16].Select(rest => InBlock(network, rest));

    private static IPAddress InBlock(IPNetwork network, byte[] rest)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        for (var bit = network.PrefixLength; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] |= (byte)(rest[bit / 8] & (0x80 >> (bit % 8)));
        }

        return new IPAddress(bytes);
    }
}
