using System.Net;

namespace StsFunctions.CheckDomain;

/// <summary>Looks at one address of an MX host.</summary>
internal interface IAddressProbe
{
    /// <summary>The same for the addresses of one MX host in one check: what is known of them beforehand is read once.</summary>
    /// <param name="mxHost">The MX host.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="look">The look of the round that it is for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IAddressProbe> ForHostAsync(string mxHost, IReadOnlyList<IPAddress> addresses, RoundLook look, CancellationToken cancellationToken) => Task.FromResult(this);

    /// <summary>What there is to see at the address in a round. Whatever the server does, the answer is a look.</summary>
    /// <param name="mxHost">The MX host.</param>
    /// <param name="address">Its address.</param>
    /// <param name="look">The look of the round that it is for.</param>
    /// <param name="before">What was seen there before, if that is known: its narrow sessions stand for a day.</param>
    /// <param name="cancellation">Gives up.</param>
    Task<AddressLook> LookAsync(string mxHost, IPAddress address, RoundLook look, AddressLook? before, CancellationToken cancellation);
}
