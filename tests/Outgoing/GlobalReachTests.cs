using System.Net;
using System.Net.Sockets;
using CsCheck;
using StsFunctions.Outgoing;
using Xunit;

namespace StsFunctions.Tests.Outgoing;

public sealed class GlobalReachTests
{
    /// <summary>Every block of the IANA IPv4 and IPv6 Special-Purpose Address Registries that is not globally reachable, multicast, and what is not given out.</summary>
    public static TheoryData<string> NotReachable =>
    [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29", "192.0.0.8/32",
        "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32",
        "::1/128", "::/128", "::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "3fff::/20",
        "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3", "8000::/1",
    ];

    /// <summary>What lies within or beside those and is reachable.</summary>
    public static TheoryData<string> Reachable =>
    [
        "1.1.1.1/32", "9.255.255.255/32", "11.0.0.0/32", "100.63.255.255/32", "100.128.0.0/32", "126.255.255.255/32", "128.0.0.0/32", "169.253.255.255/32", "169.255.0.0/32",
        "172.15.255.255/32", "172.32.0.0/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.1.0/32", "192.31.196.0/24", "192.52.193.0/24", "192.167.255.255/32", "192.169.0.0/32",
        "192.175.48.0/24", "198.17.255.255/32", "198.20.0.0/32", "223.255.255.255/32", "168.63.129.15/32", "168.63.129.17/32",
        "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28", "2001:200::/32", "2001:4860:4860::8888/128",
        "2606:4700::/32", "2620:4f:8000::/48", "2a00::/12", "3ffe::/16",
    ];

    [Theory]
    [MemberData(nameof(NotReachable))]
    public void A_special_purpose_address_is_not_reachable_from_its_first_to_its_last(string network)
    {
        var (first, last) = Ends(network);

        Assert.False(GlobalReach.Has(first), $"{first}");
        Assert.False(GlobalReach.Has(last), $"{last}");
        Within(network).Sample(address => Assert.False(GlobalReach.Has(address), $"{address}"), iter: 200);
    }

    [Theory]
    [MemberData(nameof(Reachable))]
    public void Every_other_address_is(string network)
    {
        var (first, last) = Ends(network);

        Assert.True(GlobalReach.Has(first), $"{first}");
        Assert.True(GlobalReach.Has(last), $"{last}");
    }

    [Fact]
    public void An_address_that_carries_an_IPv4_address_is_as_reachable_as_that_one()
    {
        Gen.UInt.Select(bits => new IPAddress(bits)).Sample(inner =>
        {
            var bytes = inner.GetAddressBytes();
            var carriers = new[]
            {
                inner.MapToIPv6(),
                Carrier("64:ff9b::", 12, bytes),
                Carrier("2002::", 2, bytes),
            };
            Assert.All(carriers, carrier => Assert.Equal(GlobalReach.Has(inner), GlobalReach.Has(carrier)));
        }, iter: 5_000);
    }

    [Theory]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:168.63.129.16")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b::a83f:8110")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("2002:a83f:8110::")]
    [InlineData("2002:a9fe:a9fe::1")]
    [InlineData("::127.0.0.1")]
    [InlineData("2001:0:4136:e378:8000:63bf:3fff:fdd2")]
    [InlineData("fe80::1%1")]
    [InlineData("2606:4700::1%1")]
    public void No_disguise_helps(string address) => Assert.False(GlobalReach.Has(IPAddress.Parse(address)));

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    public async Task The_gate_does_not_connect_to_what_the_world_cannot_reach(string address)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        listener.Listen();
        var gate = new OutgoingGate(new OutgoingSettings(AllowEveryAddress: false));

        var refused = await Assert.ThrowsAsync<AddressNotAllowedException>(() =>
            gate.ConnectAsync(IPAddress.Parse(address), ((IPEndPoint)listener.LocalEndPoint!).Port, TestContext.Current.CancellationToken));

        Assert.Contains(address, refused.Message, StringComparison.Ordinal);
        Assert.False(listener.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task The_gate_of_a_lab_connects_to_the_very_address_that_it_is_given()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var gate = new OutgoingGate(new OutgoingSettings(AllowEveryAddress: true));

        using var socket = await gate.ConnectAsync(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port, TestContext.Current.CancellationToken);

        Assert.Equal(listener.LocalEndPoint, socket.RemoteEndPoint);
    }

    private static (IPAddress First, IPAddress Last) Ends(string network)
    {
        var parsed = IPNetwork.Parse(network);
        var last = parsed.BaseAddress.GetAddressBytes();
        for (var bit = parsed.PrefixLength; bit < last.Length * 8; bit++)
        {
            last[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }

        return (parsed.BaseAddress, new IPAddress(last));
    }

    private static Gen<IPAddress> Within(string network)
    {
        var parsed = IPNetwork.Parse(network);
        var start = parsed.BaseAddress.GetAddressBytes();
        return Gen.Byte.Array[start.Length].Select(random =>
        {
            var bytes = start.ToArray();
            for (var bit = parsed.PrefixLength; bit < bytes.Length * 8; bit++)
            {
                bytes[bit / 8] |= (byte)(random[bit / 8] & (0x80 >> (bit % 8)));
            }

            return new IPAddress(bytes);
        });
    }

    private static IPAddress Carrier(string prefix, int at, byte[] inner)
    {
        var bytes = IPAddress.Parse(prefix).GetAddressBytes();
        inner.CopyTo(bytes, at);
        return new IPAddress(bytes);
    }
}
