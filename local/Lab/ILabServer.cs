using System.Net;

namespace StsFunctions.Local.Lab;

/// <summary>A server of the lab with a certificate, which can be stopped. Everything can be changed while it runs.</summary>
internal interface ILabServer
{
    /// <summary>The name that clients know it by.</summary>
    string HostName { get; }

    /// <summary>Where it listens, when it does.</summary>
    IPEndPoint EndPoint { get; }

    /// <summary>What it shows in TLS: the first that the client can use. Each has a key of another kind.</summary>
    IReadOnlyList<IssuedCertificate> Certificates { get; set; }

    /// <summary>Whether a client can connect.</summary>
    bool IsListening { get; }

    /// <summary>Listens; does nothing when it already does.</summary>
    void Start();

    /// <summary>Stops listening and cuts off every session.</summary>
    void Stop();
}
