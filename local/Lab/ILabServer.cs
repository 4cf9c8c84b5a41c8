using System.Net;

namespace StsFunctions.Local.Lab;

/// <summary>A server of the lab with a certificate, which can be stopped. Everything can be changed while it runs.</summary>
internal interface ILabServer
{
    /// <summary>Its host name.</summary>
    string HostName { get; }

    /// <summary>Where it listens, when it does.</summary>
    IPEndPoint EndPoint { get; }

    /// <summary>Its certificates: it sends the first that the client can use. Each has a key of another kind.</summary>
    IReadOnlyList<IssuedCertificate> Certificates { get; set; }

    /// <summary>Whether a client can connect.</summary>
    bool IsListening { get; }

    /// <summary>Listens; does nothing when it already does.</summary>
    void Start();

    /// <summary>Stops listening and closes every session.</summary>
    void Stop();
}
