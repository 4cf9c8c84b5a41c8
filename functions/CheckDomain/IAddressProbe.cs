using System.Net;

namespace StsFunctions.CheckDomain;

/// <summary>Looks at one address of an MX host.</summary>
internal interface IAddressProbe
{
    /// <summary>What there is to see at the address in a round. Whatever the server does, the answer is a look.</summary>
    Task<AddressLook> LookAsync(string mxHost, IPAddress address, string round, CancellationToken cancellation);
}
