using System.Net;
using System.Net.Sockets;
using StsFunctions.Network.Egress;
using Xunit;

namespace StsFunctions.Tests.Egress;

public sealed class EgressGuardTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.1.2.3")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    public async Task The_guard_does_not_connect_to_addresses_that_are_not_globally_reachable(string address)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        listener.Listen();

        var refused = await Assert.ThrowsAsync<AddressNotAllowedException>(() =>
            Guard().ConnectAsync(IPAddress.Parse(address), ((IPEndPoint)listener.LocalEndPoint!).Port, Cancellation));

        Assert.Contains(address, refused.Message, StringComparison.Ordinal);
        Assert.False(listener.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task The_guard_of_a_lab_connects_to_the_exact_address()
    {
        await using var listener = Listener.Trap("127.0.1.9");

        using var socket = await Guard("127.0.1.0/24").ConnectAsync(listener.EndPoint.Address, listener.EndPoint.Port, Cancellation);

        Assert.Equal(listener.EndPoint, socket.RemoteEndPoint);
    }

    [Theory]
    [InlineData("127.0.2.1")]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("10.0.0.1")]
    [InlineData("168.63.129.16")]
    [InlineData("64:ff9b::7f00:101")]
    [InlineData("2002:7f00:101::")]
    [InlineData("fe80::1%1")]
    public void The_guard_of_a_lab_opens_no_more_than_is_configured(string address) => Assert.False(Guard("127.0.1.0/24").IsAllowed(IPAddress.Parse(address)));

    [Fact]
    public void The_guard_of_a_lab_leaves_global_addresses_reachable() => Assert.True(Guard("127.0.1.0/24").IsAllowed(IPAddress.Parse("1.1.1.1")));

    private static EgressGuard Guard(params string[] networks) => new(new EgressOptions { AllowedNetworks = [.. networks.Select(IPNetwork.Parse)] });
}
