using System.Security.Authentication;

namespace StsFunctions.Local.Lab;

/// <summary>A request of a client to a policy host.</summary>
/// <param name="At">When.</param>
/// <param name="ServerName">The name in the client hello (SNI); empty where there was none.</param>
/// <param name="Tls">The TLS version that it came over.</param>
/// <param name="Method">The method.</param>
/// <param name="Host">The Host header, with its port.</param>
/// <param name="Path">The path, with its query.</param>
public sealed record PolicyRequest(DateTimeOffset At, string ServerName, SslProtocols Tls, string Method, string Host, string Path);
